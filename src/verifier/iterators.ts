import { KFUNC_ROWS } from './kfuncs-data.ts';
import { AUX, AUX2, FRAMENO, REF, REG } from './reg.ts';
import { type Frame, SLOT_ITER, type State } from './state.ts';

/**
 * An open-coded iterator lives in one or more stack slots: `AUX` is its kind, `AUX2` its state, `FRAMENO` counts how often it has advanced,
 * and `REF`, in the first slot alone, is the reference that destroying it gives back.
 */
export const ACTIVE = 1;
export const DRAINED = 2;

const PREFIX = 'bpf_iter_';
/** Kinds by number; 0 is none. */
const KINDS = [
  '',
  ...Object.keys(KFUNC_ROWS)
    .filter((name) => name.startsWith(PREFIX) && name.endsWith('_new'))
    .map((name) => name.slice(PREFIX.length, -'_new'.length)),
];

/** Number of the kind whose structure is `struct bpf_iter_NAME`. */
export const iteratorKind = (struct: string): number => KINDS.indexOf(struct.slice(PREFIX.length));
export const iteratorName = (kind: number): string => KINDS[kind] ?? '';

/** Some active iterator has advanced between the two states: they are no endless loop. */
export function iteratorsDiffer(old: State, cur: State): boolean {
  return old.frames.some((frame, i) => {
    for (let spi = 0; spi < frame.slots; spi++) {
      const b = spi * REG;
      if (frame.types[spi * 8] !== SLOT_ITER || frame.spills[b + AUX2] !== ACTIVE) continue;
      if (cur.frames[i]!.spills[b + FRAMENO] !== frame.spills[b + FRAMENO]) return true;
    }
    return false;
  });
}

/** An iterator's slot as the log shows it; null for those behind its first. */
export function iteratorText(frame: Frame, spi: number): string | null {
  const b = spi * REG;
  if (!frame.spills[b + REF]) return null;
  const state = frame.spills[b + AUX2] === ACTIVE ? 'active' : 'drained';
  const name = iteratorName(frame.spills[b + AUX]!);
  return `iter_${name}(ref_id=${frame.spills[b + REF]},state=${state},depth=${frame.spills[b + FRAMENO]! >>> 0})`;
}
