import type { InsnIdx } from '../../base/units.ts';
import type { StateRow } from '../api.ts';
import { frameRows } from '../format.ts';
import { setRangeRules } from '../range-rules.ts';
import {
  MASK_HI,
  MASK_LO,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from '../reg.ts';
import type { State } from '../state.ts';
import { toBigSigned, toBigUnsigned } from '../w64.ts';
import { differing, type LoopOnPath, loopsAlong, type Place, roundsOf, type Series, seriesAlong } from './along.ts';
import { frameOfPlace, indexOfPlace, isRegPlace } from './cells.ts';
import { type ComparedStates, compareStates } from './compare.ts';
import { findHeads, type LoopHeads } from './loops.ts';
import { Outline } from './outline.ts';
import { Paths, type Way } from './paths.ts';
import { type EndName, NONE, type Recording } from './recording.ts';

/** A register or slot with everything that is known about it; absent numbers: a pointer's or slot's text says all. */
export interface ValueRow extends StateRow {
  readonly frame: number;
  readonly umin?: bigint;
  readonly umax?: bigint;
  readonly s32?: readonly [number, number];
  readonly u32?: readonly [number, number];
}

/** What is held beside registers and stack. */
export interface HeldRow {
  readonly kind: 'reference' | 'lock' | 'irq' | 'rcu' | 'preempt' | 'speculative' | 'may_goto';
  readonly id: number;
  /** Instruction that took it; -1 where none is known. */
  readonly insnIdx: number;
}

/** A state in words: of the current function and of its callers. */
export interface StateTold {
  readonly frame: number;
  /** Call instruction of each frame; -1 for the one that verification began with. */
  readonly calls: readonly number[];
  readonly rows: readonly ValueRow[];
  readonly held: readonly HeldRow[];
}

/** One step with its neighbours on the same path. */
export interface StepTold {
  readonly step: number;
  readonly insnIdx: InsnIdx;
  readonly before: StateTold;
  /** The state that the step leads to, on the path that goes on without a branch; null where the path ends. */
  readonly after: StateTold | null;
  readonly nextInsn: number | null;
  readonly end: EndName | null;
  /** Number of this visit among those of the instruction, and how many there are; -1 for an arrival that ends its path. */
  readonly visit: number;
  readonly visits: number;
  /** Position on the path and its length. */
  readonly pos: number;
  readonly length: number;
}

const all = (): boolean => true;

/** Questions about one recorded exploration. Positions count along a path, steps through the whole exploration. */
export class Query {
  readonly recording: Recording;
  readonly paths: Paths;
  readonly outline: Outline;
  private readonly heads: LoopHeads;
  private visitStart: Uint32Array | null = null;
  private visitSteps = new Uint32Array(0);
  private lastWay: Way | null = null;

  constructor(recording: Recording) {
    this.recording = recording;
    this.paths = new Paths(recording);
    this.heads = findHeads(recording);
    this.outline = new Outline(this.paths, this.heads);
  }

  /** The path through a step; the last one is remembered. */
  way(step: number): Way {
    if (!this.lastWay || this.lastWay.positionOf(step) < 0) this.lastWay = this.paths.way(step);
    return this.lastWay;
  }

  /** Steps that check an instruction, in the order of the exploration; arrivals that were pruned are no visits. */
  visits(insnIdx: InsnIdx): Uint32Array {
    if (!this.visitStart) {
      const { recording } = this;
      const start = new Uint32Array(recording.env.insns.length + 2);
      const checks = new Uint8Array(recording.steps);
      for (let step = 0; step < recording.steps; step++) {
        if (!recording.isChecked(step)) continue;
        checks[step] = 1;
        start[recording.insnAt(step) + 2]!++;
      }
      for (let i = 2; i < start.length; i++) start[i]! += start[i - 1]!;
      this.visitSteps = new Uint32Array(start[start.length - 1]!);
      for (let step = 0; step < recording.steps; step++) if (checks[step]) this.visitSteps[start[recording.insnAt(step) + 1]!++] = step;
      this.visitStart = start;
    }
    return this.visitSteps.subarray(this.visitStart[insnIdx], this.visitStart[insnIdx + 1]);
  }

  /** The state before a step, in words. */
  told(step: number): StateTold {
    setRangeRules(this.recording.env.rules.ranges);
    return tell(this.recording, this.recording.stateBefore(step));
  }

  step(step: number): StepTold | null {
    const { recording } = this;
    if (!recording.hasState(step)) return null;
    const next = recording.next(step);
    const insnIdx = recording.insnAt(step);
    const visits = this.visits(insnIdx);
    const way = this.way(step);
    const run = recording.runOf(step);
    return {
      step,
      insnIdx,
      before: this.told(step),
      after: next !== NONE && recording.hasState(next) ? this.told(next) : null,
      nextInsn: next === NONE ? null : recording.insnAt(next),
      end: next === NONE ? recording.runEnd(run) : null,
      visit: recording.isChecked(step) ? visits.indexOf(step) : -1,
      visits: visits.length,
      pos: way.positionOf(step),
      length: way.length,
    };
  }

  /** Comparisons of the state that a step brought with kept ones: the last one decided. */
  why(step: number): ComparedStates[] {
    return this.recording.hasState(step) ? this.recording.comparisons(step).map((one) => compareStates(this.recording, one)) : [];
  }

  loops(step: number): readonly LoopOnPath[] {
    return loopsAlong(this.recording, this.way(step), this.heads);
  }

  rounds(step: number, loop: Pick<LoopOnPath, 'head' | 'depth'>): Uint32Array {
    return roundsOf(this.recording, this.way(step), loop);
  }

  /** Names of what differs between steps, as frames and names of rows. */
  differing(steps: ArrayLike<number>): { readonly frame: number; readonly name: string }[] {
    return differing(this.recording, steps).map((place) => ({
      frame: frameOfPlace(place),
      name: isRegPlace(place) ? `r${indexOfPlace(place)}` : `fp${-(indexOfPlace(place) + 1) * 8}`,
    }));
  }

  series(step: number, place: Place, from: number, to: number, most: number): Series {
    const way = this.way(step);
    return seriesAlong(this.recording, way, place, Math.max(0, from), Math.min(way.length, to), most);
  }
}

function tell(recording: Recording, state: State): StateTold {
  const { names } = recording.env;
  const rows: ValueRow[] = [];
  state.frames.forEach((frame, f) => {
    for (const { name, text, regs: r, base: b } of frameRows(names, frame, all, all)) {
      const row = { frame: f, name: name.toLowerCase(), text };
      if (!r) rows.push(row);
      else
        rows.push({
          ...row,
          smin: toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!),
          smax: toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!),
          umin: toBigUnsigned(r[b + UMIN_LO]!, r[b + UMIN_HI]!),
          umax: toBigUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!),
          s32: [r[b + S32_MIN]!, r[b + S32_MAX]!],
          u32: [r[b + U32_MIN]! >>> 0, r[b + U32_MAX]! >>> 0],
          tnumValue: toBigUnsigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!),
          tnumMask: toBigUnsigned(r[b + MASK_LO]!, r[b + MASK_HI]!),
        });
    }
  });
  const held: HeldRow[] = state.refs
    .filter(({ id }) => id)
    .map(({ kind, id, insnIdx }) => ({ kind: kind === 'ptr' ? 'reference' : kind, id, insnIdx }));
  if (state.activeRcu) held.push({ kind: 'rcu', id: state.activeRcu, insnIdx: -1 });
  if (state.activePreempt) held.push({ kind: 'preempt', id: state.activePreempt, insnIdx: -1 });
  if (state.speculative) held.push({ kind: 'speculative', id: 0, insnIdx: -1 });
  if (state.mayGotoDepth) held.push({ kind: 'may_goto', id: state.mayGotoDepth, insnIdx: -1 });
  return { frame: state.curFrame, calls: state.frames.map(({ callsite }) => callsite), rows, held };
}
