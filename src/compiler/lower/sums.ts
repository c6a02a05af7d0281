import type { HOp } from '../graph/hops.ts';
import type { Lanes, Level } from '../kernels/frame.ts';
import { packSums, type SumsShape, sumsKernel, sumsName, sumsPackBytes, sumsShift } from '../kernels/sums.ts';
import type { Group } from '../plan/groups.ts';
import type { Access, Step } from '../plan/steps.ts';
import { type Integers, integerOf, rowSteps } from '../plan/weight-quant.ts';
import { rowParams } from '../plan/weights.ts';
import { weightBitsOf } from '../precision.ts';
import type { KernelCall, Operand } from '../stages.ts';
import type { Places } from './places.ts';
import { residualArgs, residualOf } from './products.ts';

type Linear = HOp & { readonly kind: 'linear' };

/**
 * Rows of a matrix from which tables of sums pay: below it, making them takes longer than multiplying (`npm run long few-bits`). A single row has its
 * tables to itself.
 */
const LEAST_ROWS: Readonly<Record<Lanes, number>> = { 1: 32, 2: 8, 3: 8 };
/** Bytes that words and tables may take of a page of scratch; they should stay in the first-level cache. */
const MOST_BYTES = 24_576;
/** Weights that one call takes: it loads a byte for 3 or 5 of them, and makes its tables anew. */
const CHUNK = { ternary: 12_288, binary: 20_480 } as const;

const isBinary = (op: Linear): boolean => weightBitsOf(op.precision!) === 1;

/** Whether a product of ternary or binary weights is done by tables of sums, this many rows at a time; else it is multiplied. */
export function takesSums(op: HOp | null, lanes: Lanes): op is Linear {
  if (op?.kind !== 'linear' || !op.precision || weightBitsOf(op.precision) > 2) return false;
  const [n, k] = op.weights.dims;
  return n! >= LEAST_ROWS[lanes] && sumsPackBytes(isBinary(op), k!) <= MOST_BYTES;
}

/** Bytes that it takes of the packing area. */
export const sumsBytes = (op: Linear): number => sumsPackBytes(isBinary(op), op.weights.dims[1]!);

/** Rows in calls of one size, a multiple of four, and what is left. */
function chunksOf(n: number, k: number, binary: boolean): { from: number; rows: number }[] {
  const most = Math.max(4, Math.floor((binary ? CHUNK.binary : CHUNK.ternary) / k));
  const calls = Math.ceil(n / most);
  const rows = Math.ceil(n / calls / 4) * 4;
  return Array.from({ length: Math.ceil(n / rows) }, (_, i) => ({ from: i * rows, rows: Math.min(rows, n - i * rows) }));
}

/** A product of ternary or binary weights by tables of sums. */
export function sumsCalls(at: Places, step: Step, group: Group, op: Linear): KernelCall[] {
  const out = at.scales.of(op.out);
  const [n, k] = op.weights.dims as [number, number];
  const { lanes } = step;
  const binary = isBinary(op);
  const a = at.operand(step.reads[0]!, group);
  const write = at.operand(step.out as Access, group);
  const how: Integers = { most: 1, binary };
  const steps = rowSteps(op.weights, how, at.scales.method);
  const unit = at.scales.unit(op.a) * 2 ** sumsShift(lanes, k);
  // What a sum may be, or its lane where that is raised.
  const most = lanes === 3 ? 2 ** 21 : k * 2 ** 15;
  return chunksOf(n, k, binary).map(({ from, rows }) => {
    const shape: SumsShape = {
      binary,
      lanes,
      aSpace: a.operand.space,
      aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0]!.inner[i]! * 2] })),
      aLane: a.lane,
      outLane: write.lane,
      k,
      n: rows,
      outMax: at.scales.limit(op.out),
      relu: op.relu,
      ...residualOf(at, step, group, op),
    };
    const bytes = packSums(
      shape,
      (row, j) => integerOf(op.weights.data[(from + row) * k + j]!, steps[from + row]!, how),
      (row) => rowParams(op.bias?.[from + row] ?? 0, unit * steps[from + row]!, out.scale, most),
    );
    const place: Operand = { ...write.operand, off: write.operand.off + 2 * from };
    return {
      key: JSON.stringify(['sums', shape]),
      name: sumsName(shape),
      build: (name, l, o) => sumsKernel(name, shape, l, o),
      args: [a.operand, place, at.param(bytes), ...residualArgs(at, step, group, op, 2 * from)],
      nodes: op.nodes,
    };
  });
}
