import type { Model, Node } from '../../onnx/model.ts';
import type { Calibration } from '../api.ts';
import type { Buf, View } from './hops.ts';

/** Everything at least this negative is an attention mask: its softmax weight is zero in float32 too. */
export const MASK = -1000;
/** Masks are stored no lower than this. */
export const MASK_FLOOR = -30000;
const TABLE_CEILING = 1e6;
/** Arithmetic on the smallest float, as masks are made, leaves all bounds for whole numbers that are no flags. */
export const storable = (v: number): number => Math.max(MASK_FLOOR, Math.min(TABLE_CEILING, v));

export const isMaskValue = (v: number): boolean => v <= MASK;

/** Largest magnitude among the values that are no masks. */
export function moderate(data: Float64Array): number {
  let bound = 0;
  for (const v of data) if (v > MASK && Math.abs(v) > bound) bound = Math.abs(v);
  return bound;
}

/** Whether a view reads masked elements. */
export const readsMasks = ({ buf, gain }: View): boolean => gain > 0 && (buf.masked !== undefined || buf.unmasked !== undefined);

/** A lower bound that the softmax behind it makes pointless: where masks are added to masks, files keep sums above the smallest float. */
export const boundsMasks = (bound: number, x: View): boolean => bound < -1e30 || (isMaskValue(bound) && readsMasks(x));

/** How far masked elements must fall below the others: e⁻¹⁴ is less than a unit of a probability. */
export const BELOW = 14;

/** What is known of a sum of views and constants: `masked` when any of them holds masks. */
export function maskedSum(views: readonly View[], constant: Float64Array | null): Partial<Buf> {
  if (!views.some(readsMasks) && !constant?.some(isMaskValue)) return {};
  const tables = views.filter((v) => v.buf.unmasked !== undefined);
  const extra = tables.reduce((sum, v) => sum + v.buf.unmasked! * v.gain, constant ? moderate(constant) : 0);
  return { masked: { of: views.filter((v) => !tables.includes(v)), extra, below: BELOW } };
}

/** Operators that only move elements. */
const MOVES = ['Cast', 'Expand', 'Flatten', 'Identity', 'Reshape', 'Slice', 'Squeeze', 'Tile', 'Transpose', 'Unsqueeze'];
/** Operators that give scores from scores. */
const SCORES = [...MOVES, 'Clip', 'Max', 'Where'];

/** Whether a node multiplies the value by one positive number. */
function isFactor(model: Model, { op, inputs }: Node, name: string): boolean {
  if (op !== 'Mul' && !(op === 'Div' && inputs[0] === name)) return false;
  const factor = model.initializers.get(inputs[inputs[0] === name ? 1 : 0]);
  return factor?.data.length === 1 && Number(factor.data[0]) > 0;
}

/** Whether a value, and whatever is added to it, does nothing but mask the operand of a softmax. */
function masksOnly(model: Model, name: string, added: boolean): boolean {
  const readers = model.nodes.filter(({ inputs }) => inputs.includes(name));
  if (model.outputs.some((output) => output.name === name)) return false;
  return (
    readers.length > 0 &&
    readers.every((node) => {
      if (node.op === 'Softmax' || node.op === 'LogSoftmax') return added;
      if (node.op === 'Attention' || node.op === 'MultiHeadAttention') return !added && node.inputs.indexOf(name) >= 3;
      const sums = node.op === 'Add' || node.op === 'Sum';
      const moves = (added ? SCORES : MOVES).includes(node.op) || isFactor(model, node, name);
      return (sums || moves) && masksOnly(model, node.outputs[0], added || sums);
    })
  );
}

/** What calibration says of an input of floats: that it holds attention masks (of which a trace may have none), or nothing but zeros and ones. */
export function floatInput(model: Model, name: string, calibration?: Calibration): Partial<Buf> {
  const range = calibration?.ranges[name];
  if (!range) return {};
  const { min, max, unmasked = Math.max(-min, max), flags } = range;
  const likely = range.unmasked !== undefined || unmasked === 0 || calibration.source === 'generated';
  if (likely && masksOnly(model, name, false)) return { masked: { of: [], extra: unmasked, below: BELOW } };
  return flags && calibration.source === 'trace' ? { whole: true, known: { min: 0, max: 1 } } : {};
}
