import type { Model, Tensor } from '../../onnx/model.ts';
import type { CalibrationMethod, WeightScales } from '../api.ts';
import type { Const, HOp } from '../graph/hops.ts';
import { dotWeights } from '../kernels/dot.ts';
import { MATVEC } from '../kernels/matvec.ts';
import { pairRow } from '../kernels/pair.ts';
import { triForm, triSteps } from '../kernels/tri.ts';
import { DEFAULT_PRECISION, weightBitsOf } from '../precision.ts';
import { matvecPacking } from './matvec.ts';
import { pairMatrix } from './pair-matrix.ts';
import type { Scales } from './scales.ts';
import type { Step } from './steps.ts';
import { rowSteps } from './weight-quant.ts';
import { isPairProduct } from './words.ts';

type Linear = HOp & { readonly kind: 'linear' };

/** Scales of the weights that products read, by initializer; `scales`: of values, where products take the units of their results (`kernels/pair.ts`). What was computed from several initializers belongs to none and is left out. */
export function weightScales(model: Model, steps: readonly Step[], scales: Scales | null, method?: CalibrationMethod): WeightScales[] {
  const found = new Map<string, { axis: number; elem: WeightScales['elem']; max: number; scales: number[] }>();
  for (const step of steps) {
    const { op, lanes } = step;
    if (op?.kind !== 'linear') continue;
    const [, k] = op.weights.dims;
    const packing = matvecPacking(step);
    const inTri = lanes === 3 && weightBitsOf(op.precision ?? DEFAULT_PRECISION) > 2;
    const pair = scales !== null && isPairProduct(op, lanes, scales) ? pairMatrix(op, scales, () => 0) : null;
    const how = pair
      ? { bits: 16, most: 32767, binary: false }
      : inTri
        ? { bits: 8 * triForm(k).bytes, most: triForm(k).rowLimit, binary: false }
        : packing
          ? { bits: 8, most: MATVEC[packing].weight, binary: false }
          : dotWeights(k, lanes === 3 ? 2 : lanes, op.precision);
    for (const name of initializersOf(model, op)) {
      const known = found.get(name);
      // Parts of a product that was split continue where the part before ended.
      const axis = rowAxis(model.initializers.get(name)!, op.weights, known?.scales.length ?? 0);
      if (axis === null) continue;
      const ofRows = pair
        ? Array.from({ length: pair.n }, (_, row) => pair.outScale / Math.abs(pair.unit) / 2 ** pairRow(pair, row).shift)
        : inTri
          ? triSteps(op.weights.data, k)
          : rowSteps(op.weights, how, method);
      if (known) known.scales.push(...ofRows);
      else found.set(name, { axis, elem: how.bits === 16 ? 'i16' : how.bits === 8 ? 'i8' : 'i4', max: how.most, scales: ofRows });
      break;
    }
  }
  return [...found]
    .filter(([name, { axis, scales }]) => model.initializers.get(name)!.dims[axis] === scales.length)
    .map(([name, { axis, elem, max, scales }]) => ({ name, axis, elem, max, scales: Float64Array.from(scales) }));
}

const initializersOf = (model: Model, op: Linear): string[] =>
  op.nodes.flatMap((node) => node.inputs.filter((name) => (model.initializers.get(name)?.data.length ?? 0) > 1));

/** Entries that are compared before a matrix counts as the one in the file. */
const PROBES = 8;

/**
 * The axis of the stored tensor along which rows `from …` of a product's weights lie, if their entries are the file's: 0 when rows are stored
 * as rows, 1 when they are columns; null when this is another matrix.
 */
function rowAxis({ dims, data }: Tensor, weights: Const, from: number): number | null {
  const [n, k] = weights.dims;
  const rank = dims.length;
  if (rank < 2 || dims.slice(0, -2).some((size) => size !== 1)) return null;
  for (const transposed of [false, true]) {
    const [rows, columns] = transposed ? [dims[rank - 1], dims[rank - 2]] : [dims[rank - 2], dims[rank - 1]];
    if (columns !== k || rows < from + n) continue;
    const same = Array.from({ length: PROBES }, (_, probe) => Math.floor((probe / PROBES) * n * k)).every((at) => {
      const [row, column] = [from + Math.floor(at / k), at % k];
      return Number(data[transposed ? column * rows + row : row * k + column]) === weights.data[at];
    });
    if (same) return transposed ? rank - 1 : rank - 2;
  }
  return null;
}
