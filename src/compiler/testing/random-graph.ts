import { randomOf } from '../../base/random.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';

/** A value of the model that is being written. */
interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const int = (value: number): AttrSpec => ({ int: value });
const ints = (list: readonly number[]): AttrSpec => ({ ints: list });

/** Elements that a value may have. */
const MOST = 1024;

/** Continuous functions of one element; others would turn a rounding into a difference. */
const FUNCTIONS = [
  'Relu',
  'Tanh',
  'Sigmoid',
  'Softplus',
  'Elu',
  'HardSwish',
  'Abs',
  'LeakyRelu',
  'HardSigmoid',
  'Softsign',
  'Neg',
  'Erf',
  'Mish',
];

/** Writes a model node by node: each step takes values that are there and adds one, so that whatever the dice say is a valid model of opset 18. */
class Writer {
  readonly nodes: NodeSpec[] = [];
  readonly initializers: Record<string, Tensor> = {};
  readonly values: Value[];
  readonly #random: () => number;

  constructor(random: () => number, inputs: readonly Value[]) {
    this.#random = random;
    this.values = [...inputs];
  }
  dice(n: number): number {
    return Math.floor(this.#random() * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.dice(list.length)]!;
  }
  /** One of the last values, so that most of what is computed is read. */
  recent(): Value {
    return this.values[Math.max(0, this.values.length - 1 - this.dice(4))]!;
  }
  floats(dims: readonly number[], size: number, offset = 0): string {
    const name = `w${Object.keys(this.initializers).length}`;
    const data = Float32Array.from({ length: product(dims) }, () => (this.#random() * 2 - 1) * size + offset);
    this.initializers[name] = { dtype: 'float32', dims, data };
    return name;
  }
  whole(dims: readonly number[], data: readonly number[]): string {
    const name = `i${Object.keys(this.initializers).length}`;
    this.initializers[name] = { dtype: 'int64', dims, data: BigInt64Array.from(data, BigInt) };
    return name;
  }
  node(op: string, inputs: readonly string[], dims: readonly number[], attrs: Record<string, AttrSpec> = {}): Value {
    const value = { name: `v${this.nodes.length}`, dims };
    this.nodes.push({ op, inputs, outputs: [value.name], attrs });
    return value;
  }
  /** The model's own choice of a permutation. */
  permutation(rank: number): number[] {
    const left = Array.from({ length: rank }, (_, i) => i);
    return Array.from({ length: rank }, () => left.splice(this.dice(left.length), 1)[0]!);
  }
}

type Step = (w: Writer, x: Value) => Value | null;

const last = ({ dims }: Value): number => dims[dims.length - 1]!;
const withLast = ({ dims }: Value, n: number): number[] => [...dims.slice(0, -1), n];
const withAxis = ({ dims }: Value, axis: number, n: number): number[] => dims.map((d, i) => (i === axis ? n : d));
const sameShape = (w: Writer, x: Value): Value => w.pick(w.values.filter(({ dims }) => dims.join() === x.dims.join()));

const STEPS: Readonly<Record<string, Step>> = {
  linear(w, x) {
    const n = 1 + w.dice(17);
    const made = w.node('MatMul', [x.name, w.floats([last(x), n], 1.5 / Math.sqrt(last(x)))], withLast(x, n));
    return w.dice(3) ? w.node('Add', [made.name, w.floats([n], 0.3)], made.dims) : made;
  },
  function: (w, x) => w.node(w.pick(FUNCTIONS), [x.name], x.dims),
  clip: (w, x) => w.node('Clip', [x.name, w.floats([], 0.2, -0.8), w.floats([], 0.2, 0.9)], x.dims),
  softmax: (w, x) => w.node('Softmax', [x.name], x.dims, { axis: int(w.dice(x.dims.length)) }),
  layerNorm: (w, x) =>
    last(x) < 3
      ? null
      : w.node('LayerNormalization', [x.name, w.floats([last(x)], 0.3, 1), w.floats([last(x)], 0.2)], x.dims, {
          axis: int(-1),
          epsilon: { float: 1e-2 },
        }),
  add: (w, x) => w.node(w.pick(['Add', 'Sub']), [x.name, sameShape(w, x).name], x.dims),
  multiply: (w, x) => w.node('Mul', [x.name, sameShape(w, x).name], x.dims),
  scale: (w, x) => w.node('Mul', [x.name, w.floats([last(x)], 0.5, 0.8)], x.dims),
  extreme: (w, x) => w.node(w.pick(['Max', 'Min']), [x.name, sameShape(w, x).name], x.dims),
  gate(w, x) {
    const s = w.node('Sigmoid', [sameShape(w, x).name], x.dims);
    return w.node('Mul', [x.name, s.name], x.dims);
  },
  transpose(w, x) {
    const perm = w.permutation(x.dims.length);
    return w.node(
      'Transpose',
      [x.name],
      perm.map((p) => x.dims[p]!),
      { perm: ints(perm) },
    );
  },
  reshape(w, x) {
    const size = product(x.dims);
    const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((d) => size % d === 0);
    const [a] = [w.pick(divisors)];
    const rest = size / a;
    const b = w.pick(divisors.filter((d) => rest % d === 0));
    const dims = w.dice(2) ? [a, rest] : [a, b, rest / b];
    return w.node('Reshape', [x.name, w.whole([dims.length], dims)], dims);
  },
  slice(w, x) {
    const axis = w.dice(x.dims.length);
    const n = x.dims[axis]!;
    const start = w.dice(n);
    const end = start + 1 + w.dice(n - start);
    const step = 1 + w.dice(2);
    return w.node(
      'Slice',
      [x.name, w.whole([1], [start]), w.whole([1], [end]), w.whole([1], [axis]), w.whole([1], [step])],
      withAxis(x, axis, Math.ceil((end - start) / step)),
    );
  },
  concat(w, x) {
    const axis = w.dice(x.dims.length);
    const others = w.values.filter(({ dims }) => dims.length === x.dims.length && dims.every((d, i) => i === axis || d === x.dims[i]));
    const other = w.pick(others);
    return w.node('Concat', [x.name, other.name], withAxis(x, axis, x.dims[axis]! + other.dims[axis]!), { axis: int(axis) });
  },
  reduce(w, x) {
    if (x.dims.length < 3) return null;
    const axis = w.dice(x.dims.length);
    const keep = w.dice(2);
    const dims = keep ? withAxis(x, axis, 1) : x.dims.filter((_, i) => i !== axis);
    return w.node(
      w.pick(['ReduceMean', 'ReduceMax', 'ReduceSum', 'ReduceMin', 'ReduceL2', 'ReduceLogSumExp']),
      [x.name, w.whole([1], [axis])],
      dims,
      { keepdims: int(keep) },
    );
  },
  gather(w, x) {
    const axis = w.dice(x.dims.length);
    const n = 1 + w.dice(x.dims[axis]! + 2);
    const places = Array.from({ length: n }, () => w.dice(x.dims[axis]!));
    return w.node('Gather', [x.name, w.whole([n], places)], withAxis(x, axis, n), { axis: int(axis) });
  },
  gatherElements(w, x) {
    const axis = w.dice(x.dims.length);
    const dims = withAxis(x, axis, 1 + w.dice(x.dims[axis]!));
    const places = Array.from({ length: product(dims) }, () => w.dice(x.dims[axis]!));
    return w.node('GatherElements', [x.name, w.whole(dims, places)], dims, { axis: int(axis) });
  },
  scatter(w, x) {
    const u = w.pick(w.values.filter(({ dims }) => dims.length === x.dims.length && dims.every((d, i) => d <= x.dims[i]!)));
    const axis = w.dice(x.dims.length);
    // Distinct along the axis: the order of writes is not said.
    const shift = w.dice(x.dims[axis]!);
    const own = u.dims.map((_, d) => product(u.dims.slice(d + 1)));
    const places = Array.from(
      { length: product(u.dims) },
      (_, e) => ((Math.floor(e / own[axis]!) % u.dims[axis]!) + shift) % x.dims[axis]!,
    );
    return w.node('ScatterElements', [x.name, w.whole(u.dims, places), u.name], x.dims, { axis: int(axis) });
  },
  pad(w, x) {
    const mode = w.pick(['constant', 'edge', 'reflect']);
    const bounds = [...x.dims, ...x.dims].map((d) => w.dice(mode === 'reflect' ? Math.min(3, d) : 3));
    const dims = x.dims.map((d, i) => d + bounds[i]! + bounds[i + x.dims.length]!);
    return w.node('Pad', [x.name, w.whole([bounds.length], bounds)], dims, { mode: { string: mode } });
  },
  topK(w, x) {
    const k = 1 + w.dice(last(x));
    const made = { name: `v${w.nodes.length}`, dims: withLast(x, k) };
    w.nodes.push({ op: 'TopK', inputs: [x.name, w.whole([1], [k])], outputs: [made.name, `${made.name}p`], attrs: { axis: int(-1) } });
    return made;
  },
  cumSum: (w, x) => w.node('CumSum', [x.name, w.whole([], [w.dice(x.dims.length)])], x.dims),
  expand(w, x) {
    const n = 1 + w.dice(4);
    const dims = [n, ...x.dims];
    return dims.length > 4 ? null : w.node('Expand', [x.name, w.whole([dims.length], dims)], dims);
  },
  where(w, x) {
    // Both sides meet where the condition turns.
    const low = w.node('Greater', [x.name, w.floats([], 0.1)], x.dims);
    const half = w.node('Mul', [x.name, w.floats([], 0.05, 0.95)], x.dims);
    return w.node('Where', [low.name, x.name, half.name], x.dims);
  },
  products(w, x) {
    if (x.dims.length !== 3) return null;
    const t = w.node('Transpose', [x.name], [x.dims[0]!, x.dims[2]!, x.dims[1]!], { perm: ints([0, 2, 1]) });
    const s = w.node('MatMul', [x.name, t.name], [x.dims[0]!, x.dims[1]!, x.dims[1]!]);
    const h = w.node('Mul', [s.name, w.floats([], 0, 0.3)], s.dims);
    const p = w.node('Softmax', [h.name], h.dims, { axis: int(-1) });
    return w.node('MatMul', [p.name, x.name], x.dims);
  },
  convolution(w, x) {
    if (x.dims.length !== 3 || x.dims[2]! < 3) return null;
    const m = 1 + w.dice(7);
    const k = 1 + w.dice(3);
    const weights = w.floats([m, x.dims[1]!, k], 1.5 / Math.sqrt(k * x.dims[1]!));
    return w.node('Conv', [x.name, weights, w.floats([m], 0.2)], [x.dims[0]!, m, x.dims[2]! - k + 1], { kernel_shape: ints([k]) });
  },
  pool(w, x) {
    if (x.dims.length !== 3 || x.dims[2]! < 2) return null;
    return w.node(w.pick(['MaxPool', 'AveragePool']), [x.name], [x.dims[0]!, x.dims[1]!, x.dims[2]! - 1], { kernel_shape: ints([2]) });
  },
  instanceNorm(w, x) {
    if (x.dims.length !== 3 || x.dims[2]! < 3) return null;
    const c = x.dims[1]!;
    return w.node('InstanceNormalization', [x.name, w.floats([c], 0.3, 1), w.floats([c], 0.2)], x.dims, { epsilon: { float: 1e-2 } });
  },
  resize(w, x) {
    if (x.dims.length !== 3 || x.dims[0] !== 1) return null;
    const n = 1 + w.dice(2 * x.dims[2]!);
    const dims = [1, x.dims[1]!, n];
    return w.node('Resize', [x.name, '', '', w.whole([3], dims)], dims, {
      mode: { string: w.pick(['nearest', 'linear']) },
      coordinate_transformation_mode: { string: 'asymmetric' },
      nearest_mode: { string: 'floor' },
    });
  },
};

/** Names of the steps, for a record of what was tried. */
export const GRAPH_STEPS = Object.keys(STEPS);

/** What a random graph is made from. */
export interface GraphShape {
  readonly dims: readonly number[];
  readonly length: number;
  readonly seed: number;
}

/** A graph of operators in any order over float inputs, with one output. */
export function randomGraph({ dims, length, seed }: GraphShape): ModelSpec {
  const w = new Writer(randomOf(seed), [{ name: 'x', dims }]);
  let made: Value = w.values[0]!;
  for (let tries = 0; w.nodes.length < length && tries < 10 * length; tries++) {
    const step = STEPS[w.pick(GRAPH_STEPS)]!;
    const [nodes, from] = [w.nodes.length, w.dice(3) ? made : w.recent()];
    const value = step(w, from);
    if (!value || product(value.dims) > MOST || value.dims.length > 4 || value.dims.length < 2) {
      w.nodes.length = nodes;
      continue;
    }
    w.values.push(value);
    made = value;
  }
  // What is read by nobody is not in the file.
  const used = new Set([made.name]);
  const nodes = [...w.nodes].reverse().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => used.has(name))) return false;
    for (const name of inputs) used.add(name);
    return true;
  });
  const initializers = Object.fromEntries(Object.entries(w.initializers).filter(([name]) => used.has(name)));
  const inputs = [{ name: 'x', dtype: 'float32' as const, dims }];
  if (nodes.length === 0 || !used.has('x')) return randomGraph({ dims, length, seed: seed + 1_000_003 });
  return { opset: 18, nodes: nodes.reverse(), inputs, outputs: [{ name: made.name }], initializers };
}
