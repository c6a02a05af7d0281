import { AUX2, FRAMENO, REF, REG } from './reg.ts';
import { type Frame, SLOT_ITER, type State } from './state.ts';

/** State of an open-coded iterator, kept in `AUX2` of its stack slot; `FRAMENO` there counts how often it has advanced. */
export const ACTIVE = 1;
export const DRAINED = 2;

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

/** An iterator's slot as the log shows it. */
export function iteratorText(frame: Frame, spi: number): string {
  const b = spi * REG;
  const state = frame.spills[b + AUX2] === ACTIVE ? 'active' : 'drained';
  return `iter_num(ref_id=${frame.spills[b + REF]},state=${state},depth=${frame.spills[b + FRAMENO]! >>> 0})`;
}
