import type { InsnIdx } from '../../base/units.ts';
import { differing, type LoopOnPath, loopsAlong, type Place, roundsOf, type Series, seriesAlong } from './along.ts';
import { frameOfPlace, indexOfPlace, isRegPlace, placeName } from './cells.ts';
import type { ComparedStates } from './compare.ts';
import { type EndName, type Exploration, HOLDS, NONE } from './exploration.ts';
import { findHeads, type LoopHeads } from './loops.ts';
import { Outline } from './outline.ts';
import { Paths, type Way } from './paths.ts';
import type { StateTold, ValueRow } from './told.ts';

/** What a register or slot holds in a round; '' for nothing, bounds where it is a number. */
export interface RoundCell {
  readonly text: string;
  readonly min?: bigint;
  readonly max?: bigint;
}

/** Rounds of a loop side by side: the state at its head. */
export interface RoundTable {
  readonly loop: LoopOnPath;
  /** Registers and slots that differ in any round. */
  readonly names: readonly { readonly frame: number; readonly name: string }[];
  /** The round that the step which was asked about lies in; -1 for none. */
  readonly at: number;
  /** Number of the first round shown. */
  readonly from: number;
  readonly columns: readonly { readonly step: number; readonly cells: readonly RoundCell[] }[];
  /** Registers and slots that are the same in all rounds. */
  readonly same: number;
  /** Rounds whose states were compared: fewer than all where not all are held. */
  readonly compared: number;
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

/** Questions about one recorded exploration. Positions count along a path, steps through the whole exploration. */
export class Query {
  readonly recording: Exploration;
  readonly paths: Paths;
  readonly outline: Outline;
  readonly heads: LoopHeads;
  private visitStart: Uint32Array | null = null;
  private visitSteps = new Uint32Array(0);
  private lastWay: Way | null = null;
  private lastRounds: { readonly way: Way; readonly key: string; readonly steps: Uint32Array; readonly places: readonly number[] } | null =
    null;

  constructor(recording: Exploration) {
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
      const start = new Uint32Array(recording.insns + 2);
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
    return this.recording.told(step);
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
    return this.recording.hasState(step) ? this.recording.why(step) : [];
  }

  /** Loops of the path through a step: those that it lies in first, from the innermost on, then those with most rounds. */
  loops(step: number): readonly LoopOnPath[] {
    const insn = this.recording.insnAt(step);
    const depth = this.recording.depthAt(step);
    const around = (loop: LoopOnPath): boolean => loop.depth === depth && loop.head <= insn && insn <= this.heads.end[loop.head]!;
    return loopsAlong(this.recording, this.way(step), this.heads).sort((a, b) => Number(around(b)) - Number(around(a)));
  }

  rounds(step: number, loop: Pick<LoopOnPath, 'head' | 'depth'>): Uint32Array {
    return roundsOf(this.recording, this.way(step), loop);
  }

  /** Rounds [from, from + count) of a loop on the path through a step (`from` -1: those around that step), and which registers and slots differ in any of all rounds. */
  roundTable(step: number, loop: Pick<LoopOnPath, 'head' | 'depth'>, from: number, count: number): RoundTable {
    const { recording } = this;
    const way = this.way(step);
    const key = `${loop.head} ${loop.depth}`;
    if (this.lastRounds?.way !== way || this.lastRounds.key !== key) {
      const steps = this.rounds(step, loop);
      this.lastRounds = { way, key, steps, places: differing(recording, steps) };
    }
    const { steps, places } = this.lastRounds;
    const pos = way.positionOf(step);
    let at = -1;
    while (at + 1 < steps.length && way.positionOf(steps[at + 1]!) <= pos) at++;
    const names = places.map((place) => ({ frame: frameOfPlace(place), name: placeName(place) }));
    const wanted = from < 0 ? at - (count >> 1) : from;
    const first = Math.max(0, Math.min(wanted, steps.length - count));
    const columns = Array.from(steps.subarray(first, first + count), (own) => {
      const rows = recording.hasState(own) ? this.told(own).rows : [];
      return { step: own, cells: names.map(({ frame, name }) => cellOf(rows.find((row) => row.frame === frame && row.name === name))) };
    });
    const all = steps.length > 0 && recording.hasState(steps[0]!) ? this.told(steps[0]!).rows.length : 0;
    const known = columns.length > 0 ? names.filter((_, i) => columns[0]!.cells[i]!.text !== '').length : 0;
    return {
      loop: { ...loop, arrivals: steps.length },
      names,
      at,
      from: first,
      columns,
      same: Math.max(0, all - known),
      compared: steps.filter((own) => recording.hasState(own)).length,
    };
  }

  series(step: number, place: Place, from: number, to: number, most: number): Series {
    const way = this.way(step);
    return seriesAlong(this.recording, way, place, Math.max(0, from), Math.min(way.length, to), most);
  }

  /** The register or slot whose numbers change most often on the path through a step; null where none is held. */
  liveliest(step: number): Place | null {
    const { recording } = this;
    const changes = new Map<number, number>();
    this.way(step).each((at) => {
      if (!recording.hasState(at) || recording.isWhole(at)) return;
      recording.eachChange(at, (place, id) => {
        if (recording.holds(place, id) === HOLDS.number) changes.set(place, (changes.get(place) ?? 0) + 1);
      });
    });
    const [most] = [...changes].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    if (!most) return null;
    const index = indexOfPlace(most[0]);
    return { frame: frameOfPlace(most[0]), ...(isRegPlace(most[0]) ? { reg: index } : { slot: index }) };
  }

  /** Positions in [from, to) of the path through a step where other paths branch off; at most about `most`, evenly left out. */
  branchesBetween(step: number, from: number, to: number, most: number): Uint32Array {
    const all = this.way(step)
      .branchPositions()
      .filter((pos) => pos >= from && pos < to);
    const every = Math.ceil(all.length / most);
    return every > 1 ? all.filter((_, i) => i % every === 0) : all;
  }

  /** What a register or slot holds before a step, in the log's words; '' for nothing. */
  textAt(step: number, place: Place): string {
    const name = place.reg === undefined ? `fp${-((place.slot ?? 0) + 1) * 8}` : `r${place.reg}`;
    return this.told(step).rows.find((row) => row.frame === place.frame && row.name === name)?.text ?? '';
  }

  /**
   * The step of a visit of an instruction; without a number the one nearest on the path through `near`, else the last of all. Null where
   * the instruction was never checked.
   */
  place(insnIdx: InsnIdx, visit: number | null, near: number | null): number | null {
    const visits = this.visits(insnIdx);
    if (visits.length === 0) return null;
    if (visit !== null) return visits[Math.min(visit, visits.length - 1)]!;
    if (near === null || near >= this.recording.steps) return visits[visits.length - 1]!;
    const way = this.way(near);
    const pos = way.positionOf(near);
    let best = -1;
    let distance = Number.POSITIVE_INFINITY;
    for (const step of visits) {
      const at = way.positionOf(step);
      if (at < 0 || Math.abs(at - pos) >= distance) continue;
      distance = Math.abs(at - pos);
      best = step;
    }
    return best >= 0 ? best : visits[visits.length - 1]!;
  }
}

function cellOf(row: ValueRow | undefined): RoundCell {
  if (!row) return { text: '' };
  const { text, smin, smax } = row;
  return /^P?scalar/.test(text) && smin !== undefined && smax !== undefined ? { text, min: smin, max: smax } : { text };
}
