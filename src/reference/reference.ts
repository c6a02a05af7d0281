import { InputError, LoadError } from '../base/errors.ts';
import type { SymbolicInput } from '../onnx/inputs.ts';
import { symbolicInputs } from '../onnx/inputs.ts';
import type { DType, Tensor, TensorData } from '../onnx/model.ts';
import type { ModelProto } from '../onnx/proto.ts';
import { readModelProto } from '../onnx/proto.ts';
import type { ExternalData } from '../onnx/tensor.ts';
import { elementCount, floatToHalf, halfToFloat } from '../onnx/tensor.ts';
import { appendOutputs } from '../onnx/write.ts';
import { withoutZipMaps } from '../onnx/zipmap.ts';
import type { Ort } from './ort.ts';
import { loadOrt } from './ort.ts';

export interface ReferenceOptions {
  /** `all`: every intermediate value comes back too, under its name in the file. */
  readonly outputs?: 'model' | 'all';
  readonly fileName?: string;
  /** Weights outside the file, as for import. */
  readonly externalData?: ExternalData;
}

export type Tensors = Readonly<Record<string, Tensor>>;

/** A model in ONNX Runtime: what every figure of ours is compared with. */
export interface Reference {
  readonly inputs: readonly SymbolicInput[];
  /** Outputs of the model itself, in order. */
  readonly outputNames: readonly string[];
  /** Values that `run` returns besides the outputs. */
  readonly intermediateNames: readonly string[];
  /** One inference. Symbolic dimensions take the sizes of the given tensors. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** Opens a model in ONNX Runtime. Throws {@link InputError} when the runtime refuses it. */
export async function createReference(fileBytes: Uint8Array, options: ReferenceOptions = {}): Promise<Reference> {
  const file = options.fileName ?? 'model.onnx';
  const modelBytes = withoutZipMaps(fileBytes, file);
  const proto = readModelProto(modelBytes, file);
  if (!proto.graph) throw new InputError('not an ONNX model: it holds no graph', file);
  const outputNames = proto.graph.outputs.map(({ name }) => name);
  const intermediateNames = options.outputs === 'all' ? intermediates(proto) : [];
  const bytes = intermediateNames.length > 0 ? appendOutputs(modelBytes, intermediateNames) : modelBytes;
  const ort = await loadOrt();
  const session = await refusals(file, () =>
    ort.InferenceSession.create(bytes, {
      executionProviders: ['wasm'],
      // The runtime's Transformer fusions can remove a value although it is a graph output.
      graphOptimizationLevel: intermediateNames.length > 0 ? 'basic' : 'all',
      // What goes wrong arrives as an exception; the runtime's own lines would stand between ours.
      logSeverityLevel: 4,
      externalData: externalFiles(proto, options.externalData),
    }),
  );
  return {
    inputs: symbolicInputs(proto.graph, file),
    outputNames,
    intermediateNames,
    run: async (inputs) => {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(ort, name, tensor)]));
      const results = await refusals(file, () => session.run(feeds, { logSeverityLevel: 4 }));
      const out: Record<string, Tensor> = {};
      for (const [name, value] of Object.entries(results)) {
        const tensor = fromOrt(value);
        if (tensor) out[name] = tensor;
      }
      return out;
    },
    release: () => session.release(),
  };
}

/** Names of all values that nodes of the main graph produce, but for its outputs and literal constants. */
function intermediates(proto: ModelProto): string[] {
  const graph = proto.graph!;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const names = graph.nodes.filter(({ op }) => op !== 'Constant').flatMap((node) => node.outputs);
  return names.filter((name) => name !== '' && !outputs.has(name));
}

function externalFiles(proto: ModelProto, externalData?: ExternalData): { path: string; data: Uint8Array }[] {
  const locations = new Set(proto.graph!.initializers.flatMap(({ external }) => external?.get('location') ?? []));
  return [...locations].flatMap((path) => {
    const data = externalData?.(path);
    return data ? [{ path, data }] : [];
  });
}

async function refusals<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).trim().replace(/\s+/g, ' ');
    // Its words for a file of its own that did not come; it never asks for that again.
    const [unloaded, why] = /^no available backend found\. ERR: \[wasm\] (.*)$/.exec(text) ?? [];
    if (unloaded !== undefined)
      throw new LoadError(
        `ONNX Runtime could not be loaded: ${why!.replace(/ Build with -sASSERTIONS.*$/, '')}`,
        '',
        'Once the connection is there, replay again',
      );
    throw new InputError(`ONNX Runtime refuses it: ${text}`, file);
  }
}

function toOrt(ort: Ort, name: string, tensor: Tensor): InstanceType<Ort['Tensor']> {
  const { dtype, dims, data } = tensor;
  if (dtype === 'bfloat16' || dtype === 'string') {
    throw new InputError(`it has the type ${dtype}, which cannot be passed on`, `input \`${name}\``, 'Convert the model to float32');
  }
  if (elementCount(dims) !== data.length) {
    throw new InputError(`it has ${data.length} elements for the shape [${dims.join(', ')}]`, `input \`${name}\``);
  }
  const held = dtype === 'float16' ? Uint16Array.from(data as Float32Array, floatToHalf) : data;
  return new ort.Tensor(dtype, held as Float32Array, dims);
}

/** Null for the types that we do not hold: sequences and strings. */
function fromOrt(value: unknown): Tensor | null {
  const { type, dims, data } = value as { type: string; dims: readonly number[]; data: TensorData };
  if (type === 'string' || !ArrayBuffer.isView(data)) return null;
  // Runtimes that have no array of half floats give their bits.
  const held = type === 'float16' ? Float32Array.from(data as Float32Array, data instanceof Uint16Array ? halfToFloat : Number) : data;
  return { dtype: type as DType, dims, data: held };
}
