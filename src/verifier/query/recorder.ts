import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { E2BIG, Env, Rejection } from '../env.ts';
import type { Exactness } from '../equal.ts';
import { Stopped } from '../explore.ts';
import { REG, type Regs } from '../reg.ts';
import { type Frame, MAX_FRAMES, MAX_REG, MAX_STACK, type State } from '../state.ts';
import { runPasses } from '../verify.ts';
import type { Watcher } from '../watch.ts';
import { CELLS, Cells, FRAME_CELL, PLACES, regPlace, SLOT_CELL, STATE_CELL, slotPlace } from './cells.ts';
import { bytes, shorts, words } from './columns.ts';
import { END, NONE } from './exploration.ts';
import { EQUAL, EXACTNESS, Recording } from './recording.ts';

/** A whole state is kept this often, so that any other one is near. */
const WHOLE_EVERY = 256;
/** Comparisons that failed are kept for the newest kept states of an arrival only. */
const MOST_MISSES = 2;

export interface RecordOptions extends VerifyOptions {
  /** First step whose state is kept. */
  readonly statesFrom?: number;
  /** States are kept until they take so many bytes; default 200 MB. */
  readonly stateBytes?: number;
}

const STATE_BYTES = 200e6;

/**
 * Verifies again and writes down the exploration: each step with its instruction, which path it is on, the cells of the state that it
 * changed, how paths end and which comparisons decided that.
 */
export class Recorder implements Watcher {
  private readonly env: Env;
  private readonly from: number;
  private readonly budget: number;
  readonly cells = new Cells();
  // Steps.
  readonly insn = words();
  readonly depth = bytes();
  // Runs: steps that were explored one after the other, from a path's beginning to its end.
  readonly runFirst = words();
  readonly runParent = words();
  readonly runEnd = bytes();
  // States, for steps from `from` on.
  readonly changeStart = words();
  readonly changePlace = shorts();
  readonly changeId = words();
  readonly whole = words();
  // Comparisons.
  readonly cmpStep = words();
  readonly cmpOld = words();
  readonly cmpHow = bytes();
  readonly cmpStart = words();
  readonly cmpPlace = shorts();
  readonly cmpId = words();

  /** Cells of the current state, and copies of what they were made from. */
  private readonly ids = new Uint32Array(PLACES);
  private readonly shadowRegs = Array.from({ length: MAX_FRAMES }, () => new Int32Array(MAX_REG * REG));
  private readonly shadowSpills = Array.from({ length: MAX_FRAMES }, () => new Int32Array((MAX_STACK / 8) * REG));
  private readonly shadowTypes = Array.from({ length: MAX_FRAMES }, () => new Uint8Array(MAX_STACK));
  private readonly shadowSlots = new Int32Array(MAX_FRAMES);
  private shadowDepth = 0;

  private exploration: unknown = null;
  private path: State | null = null;
  private waiting = 0;
  /** Step after which a path was put aside. */
  private readonly asideAt = new WeakMap<State, number>();
  /** Where a state was kept, with its cells then. */
  private readonly keptAt = new WeakMap<State, { readonly step: number; readonly ids: Uint32Array }>();
  private full = false;
  /** The last step's instruction was not checked any more. */
  refusedOnArrival = false;
  private misses = 0;
  private missesOf = -1;

  constructor(env: Env, options: RecordOptions) {
    this.env = env;
    this.from = options.statesFrom ?? 0;
    this.budget = options.stateBytes ?? STATE_BYTES;
  }

  step(pruned: boolean): void {
    this.arrive();
    if (pruned) this.runEnd.push(END.pruned);
    this.note(pruned);
  }

  private note(ends: boolean): void {
    const { env } = this;
    const step = this.insn.length;
    this.insn.push(env.insnIdx);
    this.depth.push(env.cur.frames.length);
    if (ends) this.path = null;
    if (step < this.from || this.full) return;
    this.changeStart.push(this.changePlace.length);
    const isFirst = this.runFirst.at(this.runFirst.length - 1) === step || step === this.from;
    if (isFirst || (step & (WHOLE_EVERY - 1)) === 0) this.takeWhole(step);
    else this.takeChanges(env.cur);
    if ((step & 1023) === 0 && this.stateBytes > this.budget) this.full = true;
  }

  /** Notices that another path is followed now, and which ones were put aside since the last call. */
  private arrive(): void {
    const { env } = this;
    const step = this.insn.length;
    if (env.explored !== this.exploration) {
      this.exploration = env.explored;
      this.waiting = 0;
      this.asideAt.set(env.cur, NONE);
      this.path = null;
    }
    const { pending } = env;
    for (let i = this.waiting; i < pending.length; i++) {
      const { state } = pending[i]!;
      if (!this.asideAt.has(state)) this.asideAt.set(state, step - 1);
    }
    this.waiting = pending.length;
    if (env.cur === this.path) return;
    // A path that was put aside and taken up at once was never seen waiting.
    this.endRun();
    this.runFirst.push(step);
    this.runParent.push(this.asideAt.get(env.cur) ?? step - 1);
    this.path = env.cur;
  }

  /** The run so far has ended by its last instruction, unless it was pruned. */
  private endRun(): void {
    if (this.runEnd.length < this.runFirst.length) this.runEnd.push(END.exit);
  }

  private takeWhole(step: number): void {
    const { cur } = this.env;
    this.whole.push(step);
    this.shadowDepth = 0;
    this.ids.fill(0);
    this.takeChanges(cur);
  }

  private change(place: number, id: number): void {
    if (this.ids[place] === id) return;
    this.ids[place] = id;
    this.changePlace.push(place);
    this.changeId.push(id);
  }

  private takeChanges(cur: State): void {
    this.change(STATE_CELL, this.cells.state(cur));
    for (let f = 0; f < cur.frames.length; f++) this.takeFrame(cur.frames[f]!, f, f >= this.shadowDepth);
    for (let f = cur.frames.length; f < this.shadowDepth; f++) this.ids.fill(0, f * CELLS, f * CELLS + FRAME_CELL + 1);
    this.shadowDepth = cur.frames.length;
  }

  private takeFrame(frame: Frame, f: number, isNew: boolean): void {
    const { cells } = this;
    this.change(f * CELLS + FRAME_CELL, cells.frame(frame));
    const regs = this.shadowRegs[f]!;
    for (let i = 0; i < MAX_REG; i++) {
      const b = i * REG;
      if (!isNew && same(regs, frame.regs, b)) continue;
      for (let k = b; k < b + REG; k++) regs[k] = frame.regs[k]!;
      this.change(regPlace(f, i), cells.reg(frame.regs, b));
    }
    const known = isNew ? 0 : this.shadowSlots[f]!;
    const spills = this.shadowSpills[f]!;
    const types = this.shadowTypes[f]!;
    for (let spi = 0; spi < frame.slots; spi++) {
      const b = spi * REG;
      if (spi < known && sameTypes(types, frame.types, spi * 8) && same(spills, frame.spills, b)) continue;
      for (let k = b; k < b + REG; k++) spills[k] = frame.spills[k]!;
      for (let k = spi * 8; k < spi * 8 + 8; k++) types[k] = frame.types[k]!;
      this.change(slotPlace(f, spi), cells.slotOf(frame, spi));
    }
    if (frame.slots < this.shadowSlots[f]!) this.ids.fill(0, f * CELLS + SLOT_CELL + frame.slots, f * CELLS + FRAME_CELL);
    this.shadowSlots[f] = frame.slots;
  }

  get stateBytes(): number {
    return this.cells.bytes + this.changePlace.bytes + this.changeId.bytes + this.cmpPlace.bytes + this.cmpId.bytes;
  }

  kept(state: State): void {
    if (this.insn.length < this.from || this.full) return;
    const ids: number[] = [];
    this.cells.eachCell(state, (_place, id) => ids.push(id));
    this.keptAt.set(state, { step: this.insn.length, ids: Uint32Array.from(ids) });
  }

  compared(old: State, exact: Exactness, equal: boolean): void {
    const step = this.insn.length;
    if (step < this.from || this.full) return;
    if (this.missesOf !== step) {
      this.missesOf = step;
      this.misses = 0;
    }
    if (!equal && this.misses++ >= MOST_MISSES) return;
    const kept = this.keptAt.get(old);
    this.cmpStep.push(step);
    this.cmpOld.push(kept?.step ?? NONE);
    this.cmpHow.push(EXACTNESS.indexOf(exact) | (equal ? EQUAL : 0));
    this.cmpStart.push(this.cmpPlace.length);
    // A kept state has the cells that it had, of which some are more precise or wiped by now.
    let at = 0;
    this.cells.eachCell(old, (place, id) => {
      if (kept?.ids[at++] === id) return;
      this.cmpPlace.push(place);
      this.cmpId.push(id);
    });
  }

  /** What was written down, with the end of the last path. */
  finish(errno: number, stopped: boolean): Recording {
    const { env } = this;
    const refused = errno !== 0 && !env.atEnd;
    // Refused on arrival, before the instruction was a step: an endless loop, the limit.
    if (env.cur && (refused || stopped) && this.insn.length < env.processed) {
      this.arrive();
      this.note(false);
      this.refusedOnArrival = true;
    }
    if (this.runEnd.length < this.runFirst.length)
      this.runEnd.push(stopped ? END.stopped : refused ? (errno === E2BIG ? END.limit : END.rejected) : END.exit);
    return new Recording(env, this, this.from, errno, stopped);
  }
}

function same(a: Regs, b: Regs, base: number): boolean {
  for (let i = base; i < base + REG; i++) if (a[i] !== b[i]) return false;
  return true;
}

function sameTypes(a: Uint8Array, b: Uint8Array, base: number): boolean {
  for (let i = base; i < base + 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Verifies `program` and records how. */
export function record(program: Program, options: RecordOptions): Recording {
  const env = new Env(program, { ...options, logLevel: 0 });
  const recorder = new Recorder(env, options);
  env.watcher = recorder;
  let errno = 0;
  let stopped = false;
  try {
    runPasses(env);
  } catch (e) {
    if (e instanceof Stopped) stopped = true;
    else if (e instanceof Rejection) errno = e.errno;
    else throw e;
  }
  return recorder.finish(errno, stopped);
}
