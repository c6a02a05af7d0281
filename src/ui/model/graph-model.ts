import type { ModelNodeView, ModelView, TensorSummary } from '../../workbench/views.ts';
import { modulePath } from './groups.ts';

/** What the graph draws: operators, and the model's inputs and outputs. */
export interface GraphNode {
  readonly id: string;
  readonly kind: 'op' | 'input' | 'output';
  /** ONNX node; null for inputs and outputs. */
  readonly node: ModelNodeView | null;
  readonly title: string;
  readonly subtitle: string;
  readonly width: number;
  readonly height: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly tensor: string;
  /** Bytes of the tensor, by which the edge thickens. */
  readonly bytes: number;
}

export interface ModelGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly indexOfOp: ReadonlyMap<number, number>;
}

const OP_WIDTH = 172;
const OP_HEIGHT = 44;
const IO_HEIGHT = 28;

const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

const SHORT: Readonly<Record<string, string>> = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  bfloat16: 'bf16',
  int8: 'i8',
  uint8: 'u8',
  int16: 'i16',
  uint16: 'u16',
  int32: 'i32',
  uint32: 'u32',
  int64: 'i64',
  uint64: 'u64',
  bool: 'bool',
  string: 'str',
};

export function shortType(dtype: string): string {
  return SHORT[dtype] ?? dtype;
}

/** Bytes of a tensor in the file's element type. */
export function bytesOf({ dims, dtype }: TensorSummary): number {
  return dims.reduce((product, dim) => product * dim, ELEMENT_BYTES[dtype] ?? 4);
}

export function shapeText(dims: readonly number[], dtype: string): string {
  return `${dims.length === 0 ? 'scalar' : dims.join('×')} ${shortType(dtype)}`;
}

/**
 * The operators that are left after folding, in the file's order. Inputs stand before the run of operators of one module that first
 * reads them and outputs behind the one that makes them, so that modules stay whole.
 */
export function buildGraph(model: ModelView): ModelGraph {
  const live = model.nodes.filter((node) => node.folded === undefined);
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  const indexOfOp = new Map<number, number>();
  const producer = new Map<string, number>();
  const bytes = new Map<string, number>();
  const waiting = new Map(model.inputs.map((input) => [input.name, input]));
  const outputs = new Map(model.outputs.map((output) => [output.name, output]));
  const io = (kind: 'input' | 'output', tensor: TensorSummary) => {
    nodes.push({
      id: `${kind}:${tensor.name}`,
      kind,
      node: null,
      title: tensor.name,
      subtitle: shapeText(tensor.dims, tensor.dtype),
      width: OP_WIDTH,
      height: IO_HEIGHT,
    });
    bytes.set(tensor.name, bytesOf(tensor));
    return nodes.length - 1;
  };
  const link = (tensor: string, to: number) => {
    const from = producer.get(tensor);
    if (from !== undefined) edges.push({ from, to, tensor, bytes: bytes.get(tensor) ?? 0 });
  };
  const module = (at: number) => modulePath(live[at]!.name)[0];
  for (let start = 0; start < live.length; ) {
    let end = start + 1;
    while (end < live.length && module(start) !== undefined && module(end) === module(start)) end++;
    const run = live.slice(start, end);
    for (const name of run.flatMap((node) => node.inputs)) {
      const input = waiting.get(name);
      if (!input) continue;
      waiting.delete(name);
      producer.set(name, io('input', input));
    }
    for (const node of run) {
      const at = nodes.length;
      indexOfOp.set(node.index, at);
      nodes.push({
        id: `op:${node.index}`,
        kind: 'op',
        node,
        title: node.op,
        subtitle: node.output ? shapeText(node.output.dims, node.output.dtype) : '',
        width: OP_WIDTH,
        height: OP_HEIGHT,
      });
      for (const name of new Set(node.inputs)) link(name, at);
      for (const name of node.outputs) producer.set(name, at);
      for (const output of [node.output, ...(node.moreOutputs ?? [])]) if (output) bytes.set(output.name, bytesOf(output));
    }
    for (const name of run.flatMap((node) => node.outputs)) {
      const output = outputs.get(name);
      if (!output) continue;
      outputs.delete(name);
      link(name, io('output', output));
    }
    start = end;
  }
  for (const output of outputs.values()) link(output.name, io('output', output));
  return { nodes, edges, indexOfOp };
}
