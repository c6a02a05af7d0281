import { markNotInit, markPointer, markUnknown, REG, type Regs, SCALAR, STACK, TYPE } from './reg.ts';

export const MAX_REG = 11;
export const FP = 10;
export const MAX_FRAMES = 8;
export const MAX_STACK = 512;

// What a byte of the stack holds, kernel `enum bpf_stack_slot_type`.
export const SLOT_INVALID = 0;
export const SLOT_SPILL = 1;
export const SLOT_MISC = 2;
export const SLOT_ZERO = 3;
export const SLOT_DYNPTR = 4;
export const SLOT_ITER = 5;
export const SLOT_IRQ = 6;

/** Nothing is ever written to an array without elements, so that all frames without a stack share these. */
const NO_SPILLS: Regs = new Int32Array(0);
const NO_TYPES = new Uint8Array(0);

/** One function on the call stack: eleven registers and the stack slots that were touched. */
export class Frame {
  regs: Regs;
  /** Spilled registers, `REG` ints a slot; slot 0 is fp-8. */
  spills: Regs;
  /** Eight bytes a slot; index 7 of a slot is its byte at the lowest address (kernel `slot_type[off % 8]`). */
  types: Uint8Array;
  /** Slots that exist (kernel `allocated_stack / 8`). */
  slots = 0;
  /** Instruction of the call, -1 for the function that verification starts with. */
  callsite: number;
  frameno: number;
  subprogno: number;
  isCallback = false;
  isAsyncCallback = false;
  callbackDepth = 0;
  asyncEntryCount = 0;
  callbackMin = 0;
  callbackMax = 0;

  /** A copy brings its arrays: allocating them is most of what a copy costs. */
  constructor(
    callsite: number,
    frameno: number,
    subprogno: number,
    regs: Regs = new Int32Array(MAX_REG * REG),
    spills: Regs = NO_SPILLS,
    types: Uint8Array = NO_TYPES,
  ) {
    this.regs = regs;
    this.spills = spills;
    this.types = types;
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprogno = subprogno;
  }

  initRegs(): void {
    for (let i = 0; i < MAX_REG; i++) markNotInit(this.regs, i * REG);
    markPointer(this.regs, FP * REG, STACK);
    this.regs[FP * REG + 22] = this.frameno;
  }

  grow(slots: number): void {
    if (slots <= this.slots) return;
    if (this.types.length < slots * 8) {
      const spills = new Int32Array(slots * REG);
      spills.set(this.spills);
      this.spills = spills;
      const types = new Uint8Array(slots * 8);
      types.set(this.types);
      this.types = types;
    }
    this.slots = slots;
  }

  /** Takes over registers and stack of another frame without new arrays where the old ones are large enough. */
  takeValues(from: Frame): void {
    this.regs.set(from.regs);
    this.frameno = from.frameno;
    this.slots = 0;
    this.grow(from.slots);
    this.spills.set(from.slots * REG === from.spills.length ? from.spills : from.spills.subarray(0, from.slots * REG));
    this.types.set(from.slots * 8 === from.types.length ? from.types : from.types.subarray(0, from.slots * 8));
  }

  clone(): Frame {
    const { slots } = this;
    const spills = slots === 0 ? NO_SPILLS : this.spills.slice(0, slots * REG);
    const types = slots === 0 ? NO_TYPES : this.types.slice(0, slots * 8);
    const copy = new Frame(this.callsite, this.frameno, this.subprogno, this.regs.slice(), spills, types);
    copy.slots = slots;
    copy.isCallback = this.isCallback;
    copy.isAsyncCallback = this.isAsyncCallback;
    copy.callbackDepth = this.callbackDepth;
    copy.asyncEntryCount = this.asyncEntryCount;
    copy.callbackMin = this.callbackMin;
    copy.callbackMax = this.callbackMax;
    return copy;
  }
}

/** A slot whose top byte is part of a spilled register. */
export function isSpilled(frame: Frame, spi: number): boolean {
  return frame.types[spi * 8 + 7] === SLOT_SPILL;
}

export function isSpilledScalar(frame: Frame, spi: number): boolean {
  return frame.types[spi * 8 + 7] === SLOT_SPILL && frame.spills[spi * REG + TYPE] === SCALAR;
}

/** Something the program must give back: a reference, a lock. Immutable, so that states share it. */
export interface Reference {
  readonly kind: 'ptr' | 'lock' | 'irq';
  readonly id: number;
  readonly insnIdx: number;
  /** Map of a lock. */
  readonly ptr: number;
}

/** A step of the path that cannot be found by walking back through the code (kernel `bpf_jmp_history_entry`). */
export interface Step {
  readonly idx: number;
  readonly prevIdx: number;
  flags: number;
  /** Registers and slots that share a scalar id at this branch, packed as `LINK_…`; null for none. */
  links: readonly number[] | null;
}

/** The step reads or writes one stack slot; the slot and frame are in the flags. */
export const STEP_STACK = 1 << 11;
export const STEP_SRC_STACK = 1 << 12;
export const STEP_DST_STACK = 1 << 13;
export const stackStep = (frameno: number, spi: number): number => STEP_STACK | (spi << 3) | frameno;
export const stepFrame = (flags: number): number => flags & 7;
export const stepSpi = (flags: number): number => (flags >> 3) & 0x3f;

export const packLink = (frameno: number, index: number, isReg: boolean): number => frameno | (index << 3) | (isReg ? 1 << 9 : 0);
export const linkFrame = (link: number): number => link & 7;
export const linkIndex = (link: number): number => (link >> 3) & 0x3f;
export const linkIsReg = (link: number): boolean => (link & (1 << 9)) !== 0;

const NO_REFS: readonly Reference[] = [];

/** The abstract state of the machine on one path (kernel `bpf_verifier_state`). */
export class State {
  frames: Frame[] = [];
  refs: readonly Reference[] = NO_REFS;
  activeLocks = 0;
  activeLockId = 0;
  activeLockPtr = -1;
  activePreempt = 0;
  activeRcu = 0;
  /** Reference of the innermost saved interrupt flag. */
  activeIrq = 0;
  /** The path may sleep: as the program may, or, in a callback that runs later, as its kind may. */
  inSleepable = false;
  /** Paths that start here and are not finished. */
  branches = 0;
  parent: State | null = null;
  firstInsnIdx = 0;
  lastInsnIdx = -1;
  insnIdx = 0;
  history: Step[] = [];
  dfsDepth = 0;
  callbackUnrollDepth = 0;
  /** Only a processor that guesses wrong is here. */
  speculative = false;
  mayGotoDepth = 0;
  /** Dead registers and slots were wiped: the state is final. */
  cleaned = false;
  /** For a loop's back edge: the state that it equals. */
  equalState: State | null = null;
  /** Position of this state among the explored ones. */
  listed: Explored | null = null;

  get curFrame(): number {
    return this.frames.length - 1;
  }

  get frame(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  clone(): State {
    const copy = new State();
    copy.frames = this.frames.map((f) => f.clone());
    copy.refs = this.refs;
    copy.activeLocks = this.activeLocks;
    copy.activeLockId = this.activeLockId;
    copy.activeLockPtr = this.activeLockPtr;
    copy.activePreempt = this.activePreempt;
    copy.activeRcu = this.activeRcu;
    copy.activeIrq = this.activeIrq;
    copy.inSleepable = this.inSleepable;
    copy.branches = this.branches;
    copy.parent = this.parent;
    copy.firstInsnIdx = this.firstInsnIdx;
    copy.lastInsnIdx = this.lastInsnIdx;
    copy.history = this.history.slice();
    copy.dfsDepth = this.dfsDepth;
    copy.callbackUnrollDepth = this.callbackUnrollDepth;
    copy.mayGotoDepth = this.mayGotoDepth;
    copy.speculative = this.speculative;
    copy.cleaned = this.cleaned;
    copy.equalState = this.equalState;
    return copy;
  }

  /** The instruction at which frame `i` stands: its current one, or its call. */
  insnIdxOf(i: number): number {
    return i === this.frames.length - 1 ? this.insnIdx : this.frames[i + 1]!.callsite;
  }

  /** Calls `visit` for every register and spilled register of every frame. */
  forEachReg(visit: (r: Regs, b: number) => void): void {
    for (const frame of this.frames) {
      for (let i = 0; i < MAX_REG; i++) visit(frame.regs, i * REG);
      for (let spi = 0; spi < frame.slots; spi++) if (isSpilled(frame, spi)) visit(frame.spills, spi * REG);
    }
  }

  /** A pointer that is void: to a privileged program just a number (kernel `mark_reg_invalid`). */
  static invalidate(r: Regs, b: number, leaksPointers: boolean): void {
    if (leaksPointers) markUnknown(r, b);
    else markNotInit(r, b);
  }
}

/** An explored state kept for pruning, with the counts that decide when it is forgotten. */
export class Explored {
  readonly state: State;
  hits = 0;
  misses = 0;
  evicted = false;

  constructor(state: State) {
    this.state = state;
    state.listed = this;
  }
}
