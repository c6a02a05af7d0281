import type { HOp } from '../graph/hops.ts';
import { DOT_SHIFT, type DotShape, dotName, dotWeights, largestSum, sumUnit } from '../kernels/dot.ts';
import { type ImmediateMatrix, immediateKernel, suitsImmediates } from '../kernels/immediate.ts';
import { type PairMatrix, pairRow } from '../kernels/pair.ts';
import type { Places } from '../lower/places.ts';
import { pairMatrix } from '../plan/pair-matrix.ts';
import { integerOf, rowSteps } from '../plan/weight-quant.ts';
import { rowParams } from '../plan/weights.ts';
import type { KernelCall, Operand } from '../stages.ts';

type Linear = HOp & { readonly kind: 'linear' };

/** A matrix as `packLinear` writes it, not yet in bytes. */
function matrixOf(at: Places, op: Linear, lanes: 1 | 2): ImmediateMatrix {
  const [, k] = op.weights.dims as [number, number];
  const how = dotWeights(k, lanes, op.precision);
  const steps = rowSteps(op.weights, how, at.scales.method);
  const unit = at.scales.unit(op.a) * sumUnit(how);
  const outScale = at.scales.of(op.out).scale;
  return {
    integers: Int32Array.from(op.weights.data, (w, i) => integerOf(w, steps[Math.floor(i / k)]!, how)),
    rows: steps.map((step, row) => rowParams(op.bias?.[row] ?? 0, unit * step, outScale, largestSum(k, how))),
  };
}

/** A matrix as `packPair` writes it: a shift is a multiplication too. */
function shiftedMatrix(m: PairMatrix): ImmediateMatrix {
  const rows = Array.from({ length: m.n }, (_, row) => pairRow(m, row));
  return {
    integers: Int32Array.from(rows.flatMap(({ weights }) => [...weights])),
    rows: rows.map(({ shift, bias }) => {
      const half = shift > 0 ? 2 ** (shift - 1) : 0;
      return { mul: 1n << BigInt(DOT_SHIFT - shift), add: BigInt(bias + half) << BigInt(DOT_SHIFT - shift) };
    }),
  };
}

/** The call of a product with its weights in the code; null where they are better in memory. `pair`: results are made by shifts. */
export function immediateCall(at: Places, op: Linear, shape: DotShape, pair: boolean, args: readonly Operand[]): KernelCall | null {
  const matrix = pair ? shiftedMatrix(pairMatrix(op, at.scales, () => 0)) : matrixOf(at, op, shape.lanes);
  if (!suitsImmediates(matrix.integers, shape.k, dotWeights(shape.k, shape.lanes, op.precision))) return null;
  return {
    key: JSON.stringify(['immediate', op.out.id, shape]),
    name: `imm_${dotName(shape)}`,
    build: (name, l, o) => immediateKernel(name, shape, matrix, l, o),
    args,
    nodes: op.nodes,
  };
}
