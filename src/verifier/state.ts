import type { Visit } from './prune.ts';
import { markNotInit, markPointer, markUnknown, REG, type Regs, SCALAR, STACK, TYPE } from './reg.ts';
import type { Instance } from './stacklive.ts';

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

/** A register that was stored whole below the 512 bytes of slots (deep-stack.ts); `off` counts from the frame pointer. */
export interface DeepSpill {
  readonly off: number;
  readonly reg: Regs;
}

const NO_DEEP: readonly DeepSpill[] = [];

/** Slots that a frame has room for, by class: a stack grows to the next one. Frames of one class copy each other whole. */
const CAPACITY = [0, 8, 16, 32, 64] as const;
const NO_SPILLS: Regs = new Int32Array(0);
const NO_TYPES = new Uint8Array(0);

/** Frames that nothing refers to any more, by class of capacity: allocating their arrays is most of what a copy costs. */
const spare: Frame[][] = CAPACITY.map(() => []);
/** Frames of each class, and states, that are kept for reuse at most: about as many as a large exploration holds at once. */
const MOST_SPARE = 8192;

/** One function on the call stack: eleven registers and the stack slots that were touched. */
export class Frame {
  readonly regs: Regs = new Int32Array(MAX_REG * REG);
  /** Spilled registers, `REG` ints a slot; slot 0 is fp-8. What lies beyond `slots` is zero. */
  spills: Regs = NO_SPILLS;
  /** Eight bytes a slot; index 7 of a slot is its byte at the lowest address (kernel `slot_type[off % 8]`). */
  types: Uint8Array = NO_TYPES;
  /** Never changed in place: copies of a state share it. */
  deep: readonly DeepSpill[] = NO_DEEP;
  private capacity = 0;
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
  /** What is known of the stack's liveness under this chain of calls; `StackLiveness` sets it. */
  live: Instance | null = null;

  constructor(callsite: number, frameno: number, subprogno: number) {
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
    if (slots > CAPACITY[this.capacity]!) this.makeRoom(CAPACITY.findIndex((most) => most >= slots));
    this.slots = slots;
  }

  private makeRoom(capacity: number): void {
    this.capacity = capacity;
    const spills = new Int32Array(CAPACITY[capacity]! * REG);
    spills.set(this.spills);
    this.spills = spills;
    const types = new Uint8Array(CAPACITY[capacity]! * 8);
    types.set(this.types);
    this.types = types;
  }

  /** Takes over registers and stack of another frame. */
  takeValues(from: Frame): void {
    this.regs.set(from.regs);
    this.frameno = from.frameno;
    if (this.capacity !== from.capacity) this.makeRoom(from.capacity);
    if (from.capacity !== 0) {
      this.spills.set(from.spills);
      this.types.set(from.types);
    }
    this.slots = from.slots;
    this.deep = from.deep;
  }

  clone(): Frame {
    const copy = spare[this.capacity]!.pop() ?? new Frame(0, 0, 0);
    copy.takeValues(this);
    copy.callsite = this.callsite;
    copy.subprogno = this.subprogno;
    copy.isCallback = this.isCallback;
    copy.isAsyncCallback = this.isAsyncCallback;
    copy.callbackDepth = this.callbackDepth;
    copy.asyncEntryCount = this.asyncEntryCount;
    copy.callbackMin = this.callbackMin;
    copy.callbackMax = this.callbackMax;
    copy.live = this.live;
    return copy;
  }

  /** Nothing refers to the frame any more: a later copy may use its arrays. */
  release(): void {
    this.live = null;
    this.deep = NO_DEEP;
    const some = spare[this.capacity]!;
    if (some.length < MOST_SPARE) some.push(this);
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
  readonly kind: 'ptr' | 'irq' | LockKind;
  readonly id: number;
  readonly insnIdx: number;
  /** Map of a lock. */
  readonly ptr: number;
}

/**
 * Steps of a path that cannot be found by walking back through the code (kernel `bpf_jmp_history_entry`): columns that are copied
 * with their state.
 */
export class History {
  length = 0;
  private data = new Int32Array(4 * 48);
  /** Registers and slots that share a scalar id at a branch, packed as `LINK_…`; few steps have some. */
  private linked: (readonly number[])[] = [];

  /** Adds a step; `at` of it is `length - 1`. */
  push(idx: number, prevIdx: number, flags: number, links: readonly number[] | null): void {
    const at = this.length++ * 4;
    if (at === this.data.length) {
      const data = new Int32Array(at * 2);
      data.set(this.data);
      this.data = data;
    }
    this.data[at] = idx;
    this.data[at + 1] = prevIdx;
    this.data[at + 2] = flags;
    this.data[at + 3] = links ? this.linked.push(links) : 0;
  }

  /** What else is known of a step that is there. */
  amend(at: number, flags: number, links: readonly number[] | null): void {
    this.data[at * 4 + 2]! |= flags;
    this.data[at * 4 + 3] = links ? this.linked.push(links) : 0;
  }

  idxAt(at: number): number {
    return this.data[at * 4]!;
  }

  prevAt(at: number): number {
    return this.data[at * 4 + 1]!;
  }

  /** Flags of a step; 0 for -1, which is no step. */
  flagsAt(at: number): number {
    return at < 0 ? 0 : this.data[at * 4 + 2]!;
  }

  /** A step that says no more than how the path went, or -1. */
  isPlain(at: number): boolean {
    return at < 0 || (this.data[at * 4 + 2]! | this.data[at * 4 + 3]!) === 0;
  }

  linksAt(at: number): readonly number[] | null {
    const n = at < 0 ? 0 : this.data[at * 4 + 3]!;
    return n === 0 ? null : this.linked[n - 1]!;
  }

  takeFrom(from: History): void {
    const ints = from.length * 4;
    if (this.data.length < ints) this.data = new Int32Array(from.data.length);
    const { data } = this;
    for (let i = 0; i < ints; i++) data[i] = from.data[i]!;
    this.length = from.length;
    if (from.linked.length > 0) this.linked = from.linked.slice();
    else if (this.linked.length > 0) this.linked = [];
  }

  clear(): void {
    this.length = 0;
    if (this.linked.length > 0) this.linked = [];
  }
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

/** States that nothing refers to any more. */
const spareStates: State[] = [];

/** Frames of each class that outlast an exploration: as many as a small program needs. */
const KEPT_SPARE = 64;

/** What a large exploration needed goes with it, and so does what its states refer to. */
export function trimSpare(): void {
  for (const some of spare) some.length = Math.min(some.length, KEPT_SPARE);
  spareStates.length = 0;
}

/** A spin lock, a resilient one, and one that keeps interrupts off. */
export type LockKind = 'lock' | 'res' | 'res_irq';

export const isLock = ({ kind }: Reference): boolean => kind === 'lock' || kind === 'res' || kind === 'res_irq';

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
  history = new History();
  dfsDepth = 0;
  callbackUnrollDepth = 0;
  /** Only a processor that guesses wrong is here. */
  speculative = false;
  mayGotoDepth = 0;
  /** Dead registers and slots were wiped: the state is final. */
  cleaned = false;
  /** For a loop's back edge: the state that it equals. */
  equalState: State | null = null;
  /** The outermost loop that a kept state is in; undefined before it was looked for. */
  loop: Visit | null | undefined = undefined;
  /** Register of the current function by which the last state that was compared with this one differed: it is looked at first. */
  differs = 0;
  /** Position of this state among the explored ones. */
  listed: Explored | null = null;

  get curFrame(): number {
    return this.frames.length - 1;
  }

  get frame(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  /** A copy; without history, which `handHistory` may give it. */
  clone(withHistory = true): State {
    const copy = spareStates.pop() ?? new State();
    for (let i = 0; i < this.frames.length; i++) copy.frames.push(this.frames[i]!.clone());
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
    copy.insnIdx = 0;
    if (withHistory) copy.history.takeFrom(this.history);
    else copy.history.clear();
    copy.dfsDepth = this.dfsDepth;
    copy.callbackUnrollDepth = this.callbackUnrollDepth;
    copy.mayGotoDepth = this.mayGotoDepth;
    copy.speculative = this.speculative;
    copy.cleaned = this.cleaned;
    copy.equalState = this.equalState;
    copy.loop = undefined;
    copy.differs = 0;
    copy.listed = null;
    return copy;
  }

  /** The path's history goes to the state that is kept of it; this one starts afresh. */
  handHistory(to: State): void {
    const { history } = to;
    to.history = this.history;
    this.history = history;
    history.clear();
  }

  /** Nothing refers to the state any more, except as a parent of states that are final: its frames and, with `whole`, it itself may become other copies. */
  release(whole: boolean): void {
    for (let i = this.frames.length; i > 0; i--) this.frames.pop()!.release();
    this.refs = NO_REFS;
    if (whole && spareStates.length < MOST_SPARE) spareStates.push(this);
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
      if (frame.deep.length === 0) continue;
      frame.deep = frame.deep.map(({ off, reg }) => ({ off, reg: reg.slice() }));
      for (const { reg } of frame.deep) visit(reg, 0);
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
