import type { Env } from '../env.ts';
import { type Exactness, statesEqual, within } from '../equal.ts';
import { frameRows, type Row } from '../format.ts';
import { setRangeRules } from '../range-rules.ts';
import { NOT_INIT, PRECISE, REG, SCALAR, TYPE } from '../reg.ts';
import { type Frame, MAX_REG, type State } from '../state.ts';
import { tnumIn } from '../tnum.ts';
import { NONE } from './exploration.ts';
import type { Comparison, Recording } from './recording.ts';

/**
 * What one register or slot says to the question whether the kept state covers the new one. It does not stand in the way when it is
 * `same`, `within` the kept one, `imprecise` (no decision depended on it) or `unread` (nothing reads it any more); else it differs by its
 * type, its range, its known bits or by what it is tied to.
 */
export type CellVerdict = 'same' | 'within' | 'imprecise' | 'unread' | 'type' | 'range' | 'bits' | 'ties';

export interface ComparedRow {
  readonly frame: number;
  readonly name: string;
  /** As the log would show them; '' for what is not there. */
  readonly kept: string;
  readonly now: string;
  readonly verdict: CellVerdict;
  readonly covered: boolean;
}

export interface ComparedStates {
  readonly exact: Exactness;
  readonly equal: boolean;
  readonly step: number;
  /** Step at which the kept state was kept; null for one from before the recorded states. */
  readonly keptStep: number | null;
  readonly rows: readonly ComparedRow[];
  /** What differs beside registers and slots: the calls, what is held, or ids that tie other registers together. */
  readonly whole: 'calls' | 'held' | 'ids' | null;
}

/**
 * The states of a comparison side by side. Whether a register stands in the way is asked of the comparison itself, with a state that is the
 * new one but for this register; only the word for it is found here.
 */
export function compareStates(recording: Recording, comparison: Comparison): ComparedStates {
  const { env } = recording;
  setRangeRules(env.rules.ranges);
  const old = recording.comparedState(comparison.index);
  const now = recording.stateBefore(comparison.step);
  const { exact, equal, step, oldStep } = comparison;
  const rows: ComparedRow[] = [];
  const common = Math.min(old.frames.length, now.frames.length);
  for (let f = 0; f < common; f++) compareFrame(env, old, now, f, exact, rows);
  const differs = rows.some(({ covered }) => !covered);
  return {
    exact,
    equal,
    step,
    keptStep: oldStep === NONE ? null : oldStep,
    rows,
    whole: equal || differs ? null : wholeOf(env, old, now, exact),
  };
}

function wholeOf(env: Env, old: State, now: State, exact: Exactness): ComparedStates['whole'] {
  const sites = (state: State): string => state.frames.map(({ callsite, callbackDepth }) => `${callsite} ${callbackDepth}`).join();
  if (sites(old) !== sites(now)) return 'calls';
  const held = old.clone();
  held.insnIdx = now.insnIdx;
  held.frames = now.frames;
  return statesEqual(env, held, now, exact) ? 'ids' : 'held';
}

function compareFrame(env: Env, old: State, now: State, f: number, exact: Exactness, rows: ComparedRow[]): void {
  const all = (): boolean => true;
  const of = old.frames[f]!;
  const nf = now.frames[f]!;
  const kept = new Map(frameRows(env.names, of, all, all).map((row) => [row.name, row]));
  const here = new Map(frameRows(env.names, nf, all, all).map((row) => [row.name, row]));
  const live = env.liveRegs[old.insnIdxOf(f)]!;
  for (let i = 0; i < MAX_REG; i++) {
    const name = `R${i}`;
    if (!kept.has(name) && !here.has(name)) continue;
    const covered = coveredAlone(env, now, f, exact, (frame) => frame.regs.set(of.regs.subarray(i * REG, (i + 1) * REG), i * REG));
    const isRead = (live & (1 << i)) !== 0;
    rows.push(rowOf(f, name, kept.get(name), here.get(name), covered, isRead, exact));
  }
  for (let spi = 0; spi < Math.max(of.slots, nf.slots); spi++) {
    const name = `fp${-(spi + 1) * 8}`;
    if (!kept.has(name) && !here.has(name)) continue;
    const covered = coveredAlone(env, now, f, exact, (frame) => takeSlot(frame, of, spi));
    rows.push(rowOf(f, name, kept.get(name), here.get(name), covered, true, exact));
  }
}

function takeSlot(frame: Frame, from: Frame, spi: number): void {
  frame.grow(Math.min(from.slots, spi + 1));
  if (spi < from.slots) {
    frame.spills.set(from.spills.subarray(spi * REG, (spi + 1) * REG), spi * REG);
    frame.types.set(from.types.subarray(spi * 8, spi * 8 + 8), spi * 8);
  } else if (spi < frame.slots) frame.types.fill(0, spi * 8, spi * 8 + 8);
}

/** Would a state cover the new one that is the new one but for one place? */
function coveredAlone(env: Env, now: State, f: number, exact: Exactness, take: (frame: Frame) => void): boolean {
  const almost = now.clone();
  almost.insnIdx = now.insnIdx;
  take(almost.frames[f]!);
  return statesEqual(env, almost, now, exact);
}

function rowOf(
  frame: number,
  name: string,
  kept: Row | undefined,
  now: Row | undefined,
  covered: boolean,
  isRead: boolean,
  exact: Exactness,
): ComparedRow {
  return {
    frame,
    name: name.toLowerCase(),
    kept: kept?.text ?? '',
    now: now?.text ?? '',
    verdict: verdictOf(kept, now, covered, isRead, exact),
    covered,
  };
}

function verdictOf(kept: Row | undefined, now: Row | undefined, covered: boolean, isRead: boolean, exact: Exactness): CellVerdict {
  if (covered) {
    if (kept?.text.replace(/^P/, '') === now?.text.replace(/^P/, '')) return 'same';
    if (!isRead || !kept) return 'unread';
    if (kept.regs && kept.regs[kept.base + TYPE] === SCALAR && !kept.regs[kept.base + PRECISE] && exact === 'covered') return 'imprecise';
    return 'within';
  }
  if (!kept?.regs || !now?.regs || kept.regs[kept.base + TYPE] !== now.regs[now.base + TYPE]) return 'type';
  if (kept.regs[kept.base + TYPE] === NOT_INIT) return 'type';
  if (!within(kept.regs, kept.base, now.regs, now.base)) return 'range';
  return tnumIn(kept.regs, kept.base, now.regs, now.base) ? 'ties' : 'bits';
}
