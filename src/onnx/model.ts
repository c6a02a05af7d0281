/** Element types we hold, named as ONNX names them. 64-bit integers are kept exact. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string';

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A dense row-major tensor. `data` may be a view into the file's own bytes. float16/bfloat16 are widened to Float32Array on reading. */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export type Attr = number | bigint | string | Tensor | Graph | readonly number[] | readonly bigint[] | readonly string[];

/** After shape inference every dimension is a number. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
}

export interface Node {
  /** Position in the file's graph: stays the same through folding, so that origins and logs agree with other tools. */
  readonly index: number;
  /** The node's name, or `Op_index` where the file gives none. */
  readonly name: string;
  readonly op: string;
  /** '' for the default domain. */
  readonly domain: string;
  /** '' for an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, Attr>;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

/** An ONNX graph after import, shape inference and constant folding: what the compiler takes. */
export interface Model extends Graph {
  readonly name: string;
  readonly producer: string;
  readonly opset: number;
  /** dtype and shape of every value that is left, initializers included. */
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** Nodes that folding removed: index → why ("constant", "shape"), so that the graph view can show them. */
  readonly folded: ReadonlyMap<number, string>;
  /** All nodes of the file, before folding, for the graph view. */
  readonly allNodes: readonly Node[];
  /** Number of parameters in float initializers. */
  readonly parameterCount: number;
}
