import { isMask, scaleAt, type ValueError } from '../../reference/value-error.ts';
import type { RelatedElements } from '../../workbench/dependencies.ts';
import type { Seed } from '../../workbench/element-relations.ts';
import { NO_RANGES, type Range } from '../../workbench/ranges.ts';
import type { Relations } from '../../workbench/relations.ts';
import { type Selection, splitPart } from '../../workbench/selection.ts';
import type { ProgramValueView, ReferenceValueView } from '../../workbench/value-views.ts';
import type { ModelView } from '../../workbench/views.ts';

export type Mode = 'program' | 'reference' | 'difference';

/** The tensor that a selection asks for; null where it says nothing about tensors. */
export function tensorOf(selection: Selection | null, model: ModelView | null, relations: Relations): string | null {
  switch (selection?.kind) {
    case 'tensor':
      return String(selection.id);
    case 'element':
      return splitPart(selection.id).whole;
    case 'node':
      return model?.nodes.find((node) => node.index === selection.id)?.outputs[0] ?? null;
    case 'weight':
    case 'insn':
    case 'state':
    case 'ir':
      return relations.tensors[0] ?? null;
    default:
      return null;
  }
}

/** What the map draws: a number for each element, NaN for masks, and the ends of the ramp. */
export interface Drawn {
  readonly values: Float32Array;
  readonly low: number;
  readonly high: number;
}

export function drawn(
  mode: Mode,
  program: ProgramValueView | undefined,
  reference: ReferenceValueView | undefined,
  error: ValueError | undefined,
): Drawn | null {
  const count = program?.data.length ?? reference?.data.length ?? 0;
  if ((mode !== 'reference' && !program) || (mode !== 'program' && !reference) || count === 0) return null;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const ours = program ? program.data[i]! * scaleAt(program, i) : 0;
    const theirs = reference ? reference.data[i]! : ours;
    if (isMask(program?.masks ?? false, theirs)) values[i] = Number.NaN;
    else values[i] = mode === 'program' ? ours : mode === 'reference' ? theirs : ours - theirs;
  }
  if (mode === 'difference') return { values, low: -(error?.maxAbs ?? 0), high: error?.maxAbs ?? 0 };
  // Both sides share one ramp, so that switching shows what changes.
  if (error && error.count > error.masked) return { values, low: error.min, high: error.max };
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { values, low, high } : { values, low: 0, high: 0 };
}

/** Elements of the tensor on show that belong to what is selected elsewhere. */
export function relatedIn(
  tensor: string,
  seed: Seed | null,
  related: readonly RelatedElements[],
  selection: Selection | null,
): { readonly ranges: readonly Range[]; readonly direction: 'from' | 'to' | null; readonly exact: boolean } {
  const found = related.find((one) => one.tensor === tensor);
  if (found) return found;
  if (seed?.tensor === tensor && selection?.kind !== 'element') return { ranges: seed.ranges, direction: null, exact: true };
  return { ranges: NO_RANGES, direction: null, exact: true };
}
