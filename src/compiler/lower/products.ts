import { InputError } from '../../base/errors.ts';
import type { HOp } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { allOffsets, mapDims, product } from '../graph/view.ts';
import { blockBytes, DOT_SHIFT, type DotShape, dotKernel, dotName, dotWeights } from '../kernels/dot.ts';
import type { Level } from '../kernels/frame.ts';
import { MATVEC, type MatvecPacking, type MatvecShape, matvecKernel, matvecName, packMatvec } from '../kernels/matvec.ts';
import { type PairForm, type PairShape, packPair, pairBlockBytes, pairKernel, pairName } from '../kernels/pair.ts';
import { packTri, type TriShape, triBlockBytes, triKernel, triName } from '../kernels/tri.ts';
import type { Group } from '../plan/groups.ts';
import { matvecChunks, matvecPacking } from '../plan/matvec.ts';
import { pairMatrix } from '../plan/pair-matrix.ts';
import type { Access, Step } from '../plan/steps.ts';
import { integerOf, rowSteps } from '../plan/weight-quant.ts';
import { HALF, int64s, packLinear, rowParams } from '../plan/weights.ts';
import { isPairProduct } from '../plan/words.ts';
import { activationBitsOf, DEFAULT_PRECISION } from '../precision.ts';
import type { KernelCall, Operand } from '../stages.ts';
import type { Places } from './places.ts';

type Linear = HOp & { readonly kind: 'linear' };

/** A product with constant weights, in as many calls as its chunks of columns. */
export function linearCalls(at: Places, step: Step, group: Group, op: Linear, chunks: ReadonlyMap<HOp, number>): KernelCall[] {
  const out = at.scales.of(op.out);
  const packing = matvecPacking(step);
  if (packing) return matvecCalls(at, step, group, op, packing);
  const { lanes } = step;
  const { sums } = at.parts;
  if (lanes === 3) return sums?.takesSums(op, 3) ? sums.sumsCalls(at, step, group, op) : triCalls(at, step, group, op, chunks);
  const [n, k] = op.weights.dims;
  const a = at.operand(step.reads[0], group);
  const write = at.operand(step.out as Access, group);
  const columns = chunks.get(op) ?? n;
  const pair = isPairProduct(op, lanes, at.scales);
  const how = dotWeights(k, lanes, op.precision);
  const shape: DotShape = {
    lanes,
    aSpace: a.operand.space,
    aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0].inner[i] * 2] })),
    aLane: op.residual ? a.lane : 0,
    k,
    n: columns,
    b: null,
    outLane: op.residual ? write.lane : 0,
    outBytes: 2,
    outMax: at.scales.limit(op.out),
    relu: op.relu,
    ...residualOf(at, step, group, op),
    ...(op.precision && op.precision !== DEFAULT_PRECISION ? { precision: op.precision } : {}),
  };
  const scales = { unit: at.scales.unit(op.a), outScale: out.scale, method: at.scales.method };
  if (at.parts.special && !op.residual) {
    const whole: DotShape = { ...shape, n, aLane: a.lane, outLane: write.lane };
    const call = at.parts.special.immediateCall(at, op, whole, pair, [a.operand, write.operand]);
    if (call) return [call];
  }
  if (sums?.takesSums(op, lanes)) return sums.sumsCalls(at, step, group, op);
  if (pair) return pairCalls(at, step, group, op, columns);
  const weights = at.weights.add(packLinear(op.weights, op.bias, scales, how));
  const moved = (operand: Operand, bytes: number): Operand => ({ ...operand, off: operand.off + bytes });
  return Array.from({ length: n / columns }, (_, i) => {
    const place = moved(write.operand, 2 * columns * i);
    const rows: Operand = { space: 'weights', off: weights + ((columns * i) / 4) * blockBytes(k, how), strides: [] };
    return {
      key: JSON.stringify(['dot', shape]),
      name: dotName(shape),
      build: (name, l, o) => dotKernel(name, shape, l, o),
      args: [
        a.operand,
        place,
        rows,
        ...(op.residual
          ? residualArgs(at, step, group, op, 2 * columns * i)
          : lanes === 2
            ? [moved(a.operand, a.lane), moved(place, write.lane)]
            : []),
      ],
      nodes: op.nodes,
    };
  });
}

/** A product whose results are made by shifts. */
function pairCalls(at: Places, step: Step, group: Group, op: Linear, columns: number): KernelCall[] {
  const [n, k] = op.weights.dims as [number, number];
  const [a, write, residual] = [step.reads[0]!, step.out!, op.residual && step.reads[1]!].map((access) => {
    if (!access) return null;
    const { operand, lane } = at.operand(access, group);
    const form = at.form(access, group, lane);
    // Without a residual second rows are arguments.
    return { operand, lane, form: form.words || op.residual ? form : ({ words: false, lane: 0 } as const) };
  }) as [Placed, Placed, Placed | null];
  const out = at.scales.of(op.out);
  const shape: PairShape = {
    k,
    n: columns,
    aSpace: a.operand.space,
    aLevels: a.form.words ? [] : step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0]!.inner[i]! * 2] })),
    a: a.form,
    out: write.form,
    outMax: out.max,
    relu: op.relu,
    ...(residual ? { residual: { space: residual.operand.space, form: residual.form } } : {}),
  };
  const weights = at.weights.add(packPair(pairMatrix(op, at.scales, (buf) => at.zero(buf, group))));
  const moved = (operand: Operand, bytes: number): Operand => ({ ...operand, off: operand.off + bytes });
  return Array.from({ length: n / columns }, (_, i) => {
    const from = ({ operand, form }: Placed): Operand => moved(operand, (form.words ? 8 : 2) * columns * i);
    const second = ({ form, lane }: Placed, first: Operand): Operand[] => (form.words ? [] : [moved(first, lane)]);
    return {
      key: JSON.stringify(['pair', shape]),
      name: pairName(shape),
      build: (name, l, o) => pairKernel(name, shape, l, o),
      args: [
        a.operand,
        from(write),
        { space: 'weights', off: weights + ((columns * i) / 4) * pairBlockBytes(k), strides: [] },
        ...(residual ? [from(residual)] : [...second(a, a.operand), ...second(write, from(write))]),
      ],
      nodes: op.nodes,
    };
  });
}

interface Placed {
  readonly operand: Operand;
  readonly lane: number;
  readonly form: PairForm;
}

/** The part of a kernel's shape that says where its residual lies. */
export function residualOf(at: Places, step: Step, group: Group, op: Linear): Pick<DotShape, 'residual'> {
  if (!op.residual) return {};
  const { operand, lane } = at.operand(step.reads[1], group);
  return { residual: { space: operand.space, lane } };
}

/** The residual from byte `moved` of its rows on, and what its integers are multiplied by. */
export function residualArgs(at: Places, step: Step, group: Group, op: Linear, moved: number): Operand[] {
  if (!op.residual) return [];
  const { operand } = at.operand(step.reads[1], group);
  const factor = (at.scales.unit(op.residual) / at.scales.of(op.out).scale) * 2 ** DOT_SHIFT;
  return [{ ...operand, off: operand.off + moved }, at.param(int64s(Math.max(-(2 ** 45), Math.min(2 ** 45, factor))))];
}

/** A product for three rows at a time. */
function triCalls(at: Places, step: Step, group: Group, op: Linear, chunks: ReadonlyMap<HOp, number>): KernelCall[] {
  const out = at.scales.of(op.out);
  const [n, k] = op.weights.dims;
  const a = at.operand(step.reads[0], group);
  const write = at.operand(step.out as Access, group);
  const columns = chunks.get(op) ?? n;
  const shape: TriShape = {
    aSpace: a.operand.space,
    aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0].inner[i] * 2] })),
    aLane: a.lane,
    outLane: write.lane,
    k,
    n: columns,
    outMax: at.scales.limit(op.out),
    relu: op.relu,
    ...residualOf(at, step, group, op),
  };
  const weights = at.weights.add(packTri(n, k, op.weights.data, op.bias, { unit: at.scales.unit(op.a), outScale: out.scale }));
  return Array.from({ length: n / columns }, (_, i) => ({
    key: JSON.stringify(['tri', shape]),
    name: triName(shape),
    build: (name, l, o) => triKernel(name, shape, l, o),
    args: [
      a.operand,
      { ...write.operand, off: write.operand.off + 2 * columns * i },
      { space: 'weights', off: weights + ((columns * i) / 4) * triBlockBytes(k), strides: [] },
      ...residualArgs(at, step, group, op, 2 * columns * i),
    ],
    nodes: op.nodes,
  }));
}

/** A large matrix times a single row, in as many calls as its chunks of rows. */
function matvecCalls(at: Places, step: Step, group: Group, op: Linear, packing: MatvecPacking): KernelCall[] {
  const out = at.scales.of(op.out);
  const [n, k] = op.weights.dims;
  const a = at.operand(step.reads[0], group).operand;
  const write = at.operand(step.out as Access, group).operand;
  const xShift = op.precision && activationBitsOf(op.precision) === 8 ? 8 : 0;
  const unit = at.scales.unit(op.a) * 2 ** xShift;
  const how = { most: MATVEC[packing].weight, binary: false };
  const steps = rowSteps(op.weights, how, at.scales.method);
  const integer = (row: number, j: number): number => integerOf(op.weights.data[row * k + j], steps[row], how);
  const most = k * how.most * 2 ** (15 - xShift);
  const params = (row: number): { add: bigint; mul: bigint } => rowParams(op.bias?.[row] ?? 0, unit * steps[row], out.scale, most);
  return matvecChunks(n, k).map(({ from, rows }) => {
    const shape: MatvecShape = { packing, k, n: rows, xSpace: a.space, xShift, outMax: at.scales.limit(op.out), relu: op.relu };
    const bytes = packMatvec(
      shape,
      (row, j) => integer(from + row, j),
      (row) => params(from + row),
    );
    return {
      key: JSON.stringify(['matvec', shape]),
      name: matvecName(shape),
      build: (name, l, o) => matvecKernel(name, shape, l, o),
      args: [a, { ...write, off: write.off + 2 * from }, at.param(bytes)],
      nodes: op.nodes,
    };
  });
}

/** Products of activations are never taken in threes (`plan/triples.ts`). */
const pairOf = ({ lanes }: Step): 1 | 2 => (lanes === 1 ? 1 : 2);

/** A product of two activations. */
export function matmulCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'matmul' }): KernelCall {
  const out = at.scales.of(op.out);
  const [a, b] = step.reads.map((r) => at.operand(r, group));
  const write = at.operand(step.out as Access, group);
  const rank = op.b.map.dims.length;
  const n = mapDims(op.b.map)[rank - 1];
  const columns = allOffsets({ off: 0, dims: [op.b.map.dims[rank - 1]] });
  const nStride = columns.length > 1 ? columns[1] * 2 : 2;
  if (columns.some((off, i) => off * 2 !== i * nStride)) {
    throw new InputError(
      'the columns of the second operand are not evenly spaced',
      place(op.nodes[0]),
      'Insert a Reshape that keeps dimensions whole',
    );
  }
  const kOffs = [...allOffsets({ off: 0, dims: [op.b.map.dims[rank - 2]] })].map((off) => off * 2);
  const shape: DotShape = {
    lanes: pairOf(step),
    aSpace: a.operand.space,
    aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0].inner[i] * 2] })),
    aLane: a.lane,
    k: product(step.inner),
    n,
    b: { space: b.operand.space, kOffs, nStride },
    outLane: write.lane,
    outBytes: at.scales.bytes(op.out) === 4 ? 4 : 2,
    outMax: at.scales.limit(op.out),
    relu: false,
  };
  const unit = at.scales.unit(op.a) * at.scales.unit(op.b);
  const param = at.param(int64s(HALF, (unit / out.scale) * 2 ** 32));
  return {
    key: JSON.stringify(['dot', shape]),
    name: dotName(shape),
    build: (name, l, o) => dotKernel(name, shape, l, o),
    args: [a.operand, write.operand, param, b.operand],
    nodes: op.nodes,
  };
}
