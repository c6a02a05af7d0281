import { ID, REG, type Regs } from '../reg.ts';
import { Frame, MAX_FRAMES, MAX_REG, type Reference, SLOT_DYNPTR, SLOT_IRQ, SLOT_ITER, SLOT_SPILL, State } from '../state.ts';
import { Pool } from './columns.ts';

/**
 * A state cut into cells: registers, stack slots, what is known about a frame and about the state as a whole. A cell has a place
 * (`frame * CELLS + kind`) and holds the number of a record, so that a state is a small array of numbers and a step of the path is
 * the few that it changed.
 */
export const CELLS = 128;
export const SLOT_CELL = 16;
export const FRAME_CELL = 126;
export const STATE_CELL = 127;
export const PLACES = MAX_FRAMES * CELLS;

/** Place of a register of a frame. */
export const regPlace = (frame: number, reg: number): number => frame * CELLS + reg;
/** Place of a stack slot; 0 is fp-8. */
export const slotPlace = (frame: number, spi: number): number => frame * CELLS + SLOT_CELL + spi;
export const frameOfPlace = (place: number): number => Math.floor(place / CELLS);
const cellOf = (place: number): number => place % CELLS;
export const isRegPlace = (place: number): boolean => cellOf(place) < MAX_REG;
export const isSlotPlace = (place: number): boolean => cellOf(place) >= SLOT_CELL && cellOf(place) < FRAME_CELL;
export const indexOfPlace = (place: number): number => (isRegPlace(place) ? cellOf(place) : cellOf(place) - SLOT_CELL);
/** `r3`, `fp-16`. */
export const placeName = (place: number): string => (isRegPlace(place) ? `r${indexOfPlace(place)}` : `fp${-(indexOfPlace(place) + 1) * 8}`);

/** Slots whose spilled register means something. */
const KEEPS = (1 << SLOT_SPILL) | (1 << SLOT_DYNPTR) | (1 << SLOT_ITER) | (1 << SLOT_IRQ);
const keeps = (types: Uint8Array, at: number): boolean => {
  for (let i = 0; i < 8; i++) if ((KEEPS >> types[at + i]!) & 1) return true;
  return false;
};

const SLOT_WIDTH = 3;
const FRAME_WIDTH = 8;
const STATE_WIDTH = 11;

const pack = (types: Uint8Array, at: number): number =>
  types[at]! | (types[at + 1]! << 8) | (types[at + 2]! << 16) | (types[at + 3]! << 24);

/** The records that all states of a recording share. */
export class Cells {
  readonly regs = new Pool(REG);
  private readonly slots = new Pool(SLOT_WIDTH);
  private readonly frames = new Pool(FRAME_WIDTH);
  private readonly states = new Pool(STATE_WIDTH);
  private readonly refs: (readonly Reference[])[] = [];
  private readonly refIds = new Map<string, number>();
  private lastRefs: readonly Reference[] | null = null;
  private lastRefsId = 0;
  private readonly slot = new Int32Array(SLOT_WIDTH);
  private readonly meta = new Int32Array(STATE_WIDTH);

  get bytes(): number {
    return this.regs.bytes + this.slots.bytes + this.frames.bytes + this.states.bytes;
  }

  reg(r: Regs, b: number): number {
    return this.regs.put(r, b);
  }

  slotOf(frame: Frame, spi: number): number {
    const { slot } = this;
    slot[0] = pack(frame.types, spi * 8);
    slot[1] = pack(frame.types, spi * 8 + 4);
    slot[2] = keeps(frame.types, spi * 8) ? this.regs.put(frame.spills, spi * REG) : 0;
    return this.slots.put(slot, 0);
  }

  /** Number of the register that a slot's record holds; 0 for one that holds none. */
  regOfSlot(id: number): number {
    return id === 0 ? 0 : this.slots.chunkOf(id)[this.slots.baseOf(id) + 2]!;
  }

  /** Slots of a frame; the cells of others are of an earlier frame in its place. */
  slotCount(ids: ArrayLike<number>, frame: number): number {
    const id = ids[frame * CELLS + FRAME_CELL]!;
    return id === 0 ? 0 : this.frames.chunkOf(id)[this.frames.baseOf(id) + 7]!;
  }

  /** What byte `index` of a slot holds, counted as in `Frame.types`. */
  slotType(id: number, index: number): number {
    return (this.slots.chunkOf(id)[this.slots.baseOf(id) + (index >> 2)]! >> ((index & 3) * 8)) & 0xff;
  }

  frame(f: Frame): number {
    const { meta } = this;
    meta[0] = f.callsite;
    meta[1] = f.subprogno;
    meta[2] = (f.isCallback ? 1 : 0) | (f.isAsyncCallback ? 2 : 0);
    meta[3] = f.callbackDepth;
    meta[4] = f.asyncEntryCount;
    meta[5] = f.callbackMin;
    meta[6] = f.callbackMax;
    meta[7] = f.slots;
    return this.frames.put(meta, 0);
  }

  state(s: State): number {
    const { meta } = this;
    meta[0] = s.frames.length;
    meta[1] = s.activeLocks;
    meta[2] = s.activeLockId;
    meta[3] = s.activeLockPtr;
    meta[4] = s.activePreempt;
    meta[5] = s.activeRcu;
    meta[6] = s.activeIrq;
    meta[7] = (s.inSleepable ? 1 : 0) | (s.speculative ? 2 : 0);
    meta[8] = s.mayGotoDepth;
    meta[9] = s.callbackUnrollDepth;
    meta[10] = this.refsId(s.refs);
    return this.states.put(meta, 0);
  }

  private refsId(refs: readonly Reference[]): number {
    if (refs === this.lastRefs) return this.lastRefsId;
    const key = JSON.stringify(refs);
    let id = this.refIds.get(key);
    if (id === undefined) {
      id = this.refs.push(refs) - 1;
      this.refIds.set(key, id);
    }
    this.lastRefs = refs;
    this.lastRefsId = id;
    return id;
  }

  /** The state whose cells are `ids`, standing before instruction `insnIdx`. */
  restore(ids: ArrayLike<number>, insnIdx: number): State {
    const state = new State();
    const of = this.states.chunkOf(ids[STATE_CELL]!);
    const s = this.states.baseOf(ids[STATE_CELL]!);
    state.activeLocks = of[s + 1]!;
    state.activeLockId = of[s + 2]!;
    state.activeLockPtr = of[s + 3]!;
    state.activePreempt = of[s + 4]!;
    state.activeRcu = of[s + 5]!;
    state.activeIrq = of[s + 6]!;
    state.inSleepable = (of[s + 7]! & 1) !== 0;
    state.speculative = (of[s + 7]! & 2) !== 0;
    state.mayGotoDepth = of[s + 8]!;
    state.callbackUnrollDepth = of[s + 9]!;
    state.refs = this.refs[of[s + 10]!]!;
    state.insnIdx = insnIdx;
    for (let f = 0; f < of[s]!; f++) state.frames.push(this.restoreFrame(ids, f));
    return state;
  }

  /** Do two records of a place show the same value? Their ids and whether they are precise aside; true for what is neither register nor slot. */
  alike(place: number, a: number, b: number): boolean {
    if (isRegPlace(place)) return this.sameValue(a, b);
    if (!isSlotPlace(place) || a === b) return true;
    if (a === 0 || b === 0) return false;
    const x = this.slots.chunkOf(a);
    const y = this.slots.chunkOf(b);
    const i = this.slots.baseOf(a);
    const j = this.slots.baseOf(b);
    return x[i] === y[j] && x[i + 1] === y[j + 1] && this.sameValue(x[i + 2]!, y[j + 2]!);
  }

  private sameValue(a: number, b: number): boolean {
    if (a === b) return true;
    if (a === 0 || b === 0) return false;
    const x = this.regs.chunkOf(a);
    const y = this.regs.chunkOf(b);
    const i = this.regs.baseOf(a);
    const j = this.regs.baseOf(b);
    for (let k = 0; k < ID; k++) if (x[i + k] !== y[j + k]) return false;
    return true;
  }

  private restoreFrame(ids: ArrayLike<number>, f: number): Frame {
    const id = ids[f * CELLS + FRAME_CELL]!;
    const of = this.frames.chunkOf(id);
    const b = this.frames.baseOf(id);
    const frame = new Frame(of[b]!, f, of[b + 1]!);
    frame.isCallback = (of[b + 2]! & 1) !== 0;
    frame.isAsyncCallback = (of[b + 2]! & 2) !== 0;
    frame.callbackDepth = of[b + 3]!;
    frame.asyncEntryCount = of[b + 4]!;
    frame.callbackMin = of[b + 5]!;
    frame.callbackMax = of[b + 6]!;
    for (let i = 0; i < MAX_REG; i++) this.copyReg(ids[regPlace(f, i)]!, frame.regs, i * REG);
    frame.grow(of[b + 7]!);
    for (let spi = 0; spi < frame.slots; spi++) {
      const slot = ids[slotPlace(f, spi)]!;
      const types = this.slots.chunkOf(slot);
      const at = this.slots.baseOf(slot);
      for (let i = 0; i < 8; i++) frame.types[spi * 8 + i] = (types[at + (i >> 2)]! >> ((i & 3) * 8)) & 0xff;
      if (types[at + 2] !== 0) this.copyReg(types[at + 2]!, frame.spills, spi * REG);
    }
    return frame;
  }

  private copyReg(id: number, r: Regs, b: number): void {
    const of = this.regs.chunkOf(id);
    const at = this.regs.baseOf(id);
    for (let i = 0; i < REG; i++) r[b + i] = of[at + i]!;
  }

  /** Calls `emit` for every cell of a state. */
  eachCell(state: State, emit: (place: number, id: number) => void): void {
    emit(STATE_CELL, this.state(state));
    state.frames.forEach((frame, f) => {
      emit(f * CELLS + FRAME_CELL, this.frame(frame));
      for (let i = 0; i < MAX_REG; i++) emit(regPlace(f, i), this.reg(frame.regs, i * REG));
      for (let spi = 0; spi < frame.slots; spi++) emit(slotPlace(f, spi), this.slotOf(frame, spi));
    });
  }
}
