import type { Env } from '../env.ts';
import type { Exactness } from '../equal.ts';
import { setRangeRules } from '../range-rules.ts';
import { NOT_INIT, SCALAR, SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, TYPE } from '../reg.ts';
import type { State } from '../state.ts';
import { toSigned } from '../w64.ts';
import { type Cells, isRegPlace, isSlotPlace, PLACES } from './cells.ts';
import { type ComparedStates, compareStates } from './compare.ts';
import { Exploration, HOLDS, NONE } from './exploration.ts';
import type { Recorder } from './recorder.ts';
import { type StateTold, tell } from './told.ts';

export const EXACTNESS: readonly Exactness[] = ['covered', 'within', 'exact'];
/** Bit of a comparison whose states are equal. */
export const EQUAL = 4;

/** A comparison of a new state with one that was kept. */
export interface Comparison {
  /** Number among all comparisons. */
  readonly index: number;
  /** Step that brought the new state, and the one that brought the kept state; NONE for one from before the states that were recorded. */
  readonly step: number;
  readonly oldStep: number;
  readonly exact: Exactness;
  readonly equal: boolean;
}

/** Our verifier's exploration, with the states as it had them. */
export class Recording extends Exploration {
  readonly env: Env;
  readonly accepted: boolean;
  readonly stopped: boolean;
  readonly waiting: number;
  readonly cells: Cells;
  private readonly recorder: Recorder;

  constructor(env: Env, recorder: Recorder, from: number, errno: number, stopped: boolean) {
    super(recorder, from, PLACES);
    this.env = env;
    // What only the exploration needed.
    this.waiting = env.pending.length;
    env.watcher = null;
    env.explored = new Map();
    env.pending = [];
    this.recorder = recorder;
    this.cells = recorder.cells;
    this.accepted = errno === 0 && !stopped;
    this.stopped = stopped;
  }

  get bytes(): number {
    return this.columnBytes + this.recorder.stateBytes;
  }

  get insns(): number {
    return this.env.insns.length;
  }

  /** Conditional jumps of both widths: none that always jump, call or leave. */
  isBranch(insn: number): boolean {
    const { opcode } = this.env.insns[insn]!;
    return ((opcode & 7) === 5 || (opcode & 7) === 6) && ![0x00, 0x80, 0x90].includes(opcode & 0xf0);
  }

  callsBack(insn: number): boolean {
    return Boolean(this.env.callsCallback[insn]);
  }

  private regOf(place: number, id: number): number {
    if (id === 0 || (!isRegPlace(place) && !isSlotPlace(place))) return 0;
    return isRegPlace(place) ? id : this.cells.regOfSlot(id);
  }

  holds(place: number, id: number): number {
    const reg = this.regOf(place, id);
    if (reg === 0) return HOLDS.nothing;
    const type = this.cells.regs.chunkOf(reg)[this.cells.regs.baseOf(reg) + TYPE];
    if (type === NOT_INIT) return HOLDS.nothing;
    return type === SCALAR ? HOLDS.number : HOLDS.pointer;
  }

  bounds(place: number, id: number): readonly [number, number] {
    const reg = this.regOf(place, id);
    const chunk = this.cells.regs.chunkOf(reg);
    const base = this.cells.regs.baseOf(reg);
    return [toSigned(chunk[base + SMIN_LO]!, chunk[base + SMIN_HI]!), toSigned(chunk[base + SMAX_LO]!, chunk[base + SMAX_HI]!)];
  }

  alike(place: number, a: number, b: number): boolean {
    return this.cells.alike(place, a, b);
  }

  /** The state before a step. */
  stateBefore(step: number): State {
    return this.cells.restore(this.idsAtStep(step), this.insnAt(step));
  }

  told(step: number): StateTold {
    setRangeRules(this.env.rules.ranges);
    return tell(this.env.names, this.stateBefore(step));
  }

  why(step: number): ComparedStates[] {
    return this.comparisons(step).map((one) => compareStates(this, one));
  }

  /** Comparisons that decided at a step whether its path goes on, in the order in which they were made. */
  comparisons(step: number): readonly Comparison[] {
    const { cmpStep, cmpOld, cmpHow } = this.recorder;
    const found: Comparison[] = [];
    for (let i = cmpStep.lastAtMost(step); i >= 0 && cmpStep.at(i) === step; i--) {
      const how = cmpHow.at(i);
      found.push({ index: i, step, oldStep: cmpOld.at(i), exact: EXACTNESS[how & 3]!, equal: (how & EQUAL) !== 0 });
    }
    return found.reverse();
  }

  /** The kept state of a comparison as it was then: what nothing reads any more is wiped, what decided something is precise. */
  comparedState(index: number): State {
    const { cmpStep, cmpOld, cmpStart, cmpPlace, cmpId } = this.recorder;
    const oldStep = cmpOld.at(index);
    const ids = new Uint32Array(PLACES);
    if (oldStep !== NONE) ids.set(this.idsAtStep(oldStep));
    const end = index + 1 < cmpStart.length ? cmpStart.at(index + 1) : cmpPlace.length;
    for (let i = cmpStart.at(index); i < end; i++) ids[cmpPlace.at(i)] = cmpId.at(i);
    return this.cells.restore(ids, this.insnAt(cmpStep.at(index)));
  }
}
