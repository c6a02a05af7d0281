import type { Calibration } from '../../compiler/api.ts';
import type { IntegersView, ModelView, TensorSummary } from '../../workbench/views.ts';
import { bytesOf, shapeText } from './graph-model.ts';

/** What is known of a tensor of the model. */
export interface TensorInfo extends TensorSummary {
  readonly kind: 'input' | 'weight' | 'value';
  /** In the file's element type. */
  readonly bytes: number;
  /** Node that makes it; null for inputs and weights. */
  readonly from: number | null;
  /** Nodes that read it. */
  readonly to: readonly number[];
  /** What its integers mean, once compiled; absent where it was folded into a neighbour's kernel. */
  readonly integer?: IntegersView['values'][number];
  /** Of a weight: a scale for each entry along an axis. */
  readonly channels?: IntegersView['weights'][number];
  /** Smallest and largest element that the calibration saw. */
  readonly range?: { readonly min: number; readonly max: number };
}

export type TensorTable = ReadonlyMap<string, TensorInfo>;

/** Every tensor of the nodes that are left, by name. */
export function tensorTable(
  model: ModelView,
  integers: IntegersView | null | undefined,
  ranges: Calibration['ranges'] | null,
): TensorTable {
  const table = new Map<string, TensorInfo & { readonly to: number[] }>();
  const values = new Map(integers?.values.map((value) => [value.name, value]));
  const weights = new Map(integers?.weights.map((weight) => [weight.name, weight]));
  const add = ({ name, dtype, dims }: TensorSummary, kind: TensorInfo['kind'], from: number | null) => {
    if (table.has(name)) return;
    const integer = values.get(name);
    const channels = weights.get(name);
    const range = ranges && Object.hasOwn(ranges, name) ? ranges[name] : undefined;
    table.set(name, {
      ...{ name, dtype, dims, kind, from, to: [] },
      bytes: bytesOf({ name, dtype, dims }),
      ...(integer ? { integer } : {}),
      ...(channels ? { channels } : {}),
      ...(range ? { range } : {}),
    });
  };
  for (const input of model.inputs) add(input, 'input', null);
  for (const node of model.nodes) {
    if (node.folded !== undefined) continue;
    for (const weight of node.weights) add(weight, 'weight', null);
    for (const output of [node.output, ...(node.moreOutputs ?? [])]) if (output) add(output, 'value', node.index);
    for (const name of new Set(node.inputs)) table.get(name)?.to.push(node.index);
  }
  return table;
}

/** A scale as it is read best: `1/4096` where it is a power of two, else three digits. */
export function scaleText(scale: number): string {
  const inverse = 1 / scale;
  if (scale < 1 && Number.isInteger(inverse) && Number.isInteger(Math.log2(inverse))) return `1/${inverse}`;
  return Number.isInteger(scale) && scale < 1e6 ? String(scale) : scale < 1e-3 ? scale.toExponential(2) : scale.toPrecision(3);
}

const INTEGER_NAMES = { u16: 'uint16', i16: 'int16', i32: 'int32', i8: 'int8', i4: 'int4' } as const;

/** The integers of a tensor in words: `int16, scale 1/4096`; null before it is compiled. */
export function integerText({ integer, channels }: TensorInfo): string | null {
  if (integer?.shares) return `${INTEGER_NAMES[integer.elem]}, scale 1 / sum of the row`;
  if (integer) return `${INTEGER_NAMES[integer.elem]}, scale ${scaleText(integer.scale)}`;
  if (!channels) return null;
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const scale of channels.scales) {
    least = Math.min(least, scale);
    most = Math.max(most, scale);
  }
  return `${INTEGER_NAMES[channels.elem]}, ${channels.scales.length} scales ${scaleText(least)} … ${scaleText(most)}`;
}

/** A tensor as an edge is labelled: shape and dtype, once compiled with the integers that the program holds. */
export function edgeLabel(info: TensorInfo): string {
  const { dims, dtype, integer } = info;
  if (!integer) return shapeText(dims, dtype);
  const shape = dims.length === 0 ? 'scalar' : dims.join('×');
  if (integer.shares) return `${shape} ${integer.elem}`;
  return integer.elem === 'u16' && integer.scale === 1 ? `${shape} u16` : `${shape} ${integer.elem} ${scaleText(integer.scale)}`;
}

/** A real number in few digits: what tables and notes show. */
export function formatReal(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  const far = magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6);
  const digits = far ? magnitude.toExponential(2).replace('e+', 'e') : String(Number(magnitude.toPrecision(4)));
  return value < 0 ? `−${digits}` : digits;
}
