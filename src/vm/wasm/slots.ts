import { WORD_ARG, WORD_OP } from '../decode.ts';
import type { Access } from './accesses.ts';
import { accessOf } from './effects.ts';

const LOAD64 = 0x79;
const STORE64 = 0x7b;

/** Places in the frame that are locals of the WebAssembly function. */
export interface FrameSlots {
  /** Number of the slot that an instruction loads or stores. */
  readonly slotOf: ReadonlyMap<number, number>;
  /** Offset in the frame of each slot. */
  readonly offsets: readonly number[];
}

export const NO_SLOTS: FrameSlots = { slotOf: new Map(), offsets: [] };

/** True for the store of a slot, false for its load. */
export const isStore = (code: Int32Array, at: number): boolean => code[at + WORD_OP] === STORE64;

/**
 * Slots of eight bytes that a function only ever loads and stores as a whole, in a frame whose address it keeps to itself: no one can
 * tell them from registers.
 */
export function findSlots(
  code: Int32Array,
  stackBytes: number,
  { accesses, escapes }: { accesses: ReadonlyMap<number, Access>; escapes: boolean },
): FrameSlots {
  if (escapes) return NO_SLOTS;
  const spoiled = new Uint8Array(stackBytes / 8);
  const whole: { at: number; cell: number }[] = [];
  for (const [at, access] of accesses) {
    if (access.kind !== 'frame') continue;
    const op = code[at + WORD_OP];
    const cell = access.offset >> 3;
    if ((op === LOAD64 || op === STORE64) && access.offset % 8 === 0) whole.push({ at, cell });
    else spoiled.fill(1, cell, ((access.offset + (accessOf(op, code[at + WORD_ARG])?.size ?? 8) - 1) >> 3) + 1);
  }
  const slotOf = new Map<number, number>();
  const numbers = new Map<number, number>();
  for (const { at, cell } of whole) {
    if (spoiled[cell]) continue;
    if (!numbers.has(cell)) numbers.set(cell, numbers.size);
    slotOf.set(at, numbers.get(cell)!);
  }
  return { slotOf, offsets: [...numbers.keys()].map((cell) => cell * 8) };
}
