import type { Env } from './env.ts';
import { exactRegs, forgetIds } from './equal.ts';
import { markUnknown, PRECISE, REG, type Regs, SCALAR, TYPE } from './reg.ts';
import { isSpilled, MAX_REG, type State } from './state.ts';

/** Explored states of an instruction under the current call, newest first; other instructions may share the list. */
export function exploredAt(env: Env, insnIdx: number): number {
  return ((insnIdx ^ env.cur.frame.callsite) >>> 0) % env.insns.length;
}

export function sameCallsites(a: State, b: State): boolean {
  if (a.frames.length !== b.frames.length) return false;
  for (let i = a.frames.length - 1; i >= 0; i--) if (a.frames[i]!.callsite !== b.frames[i]!.callsite) return false;
  return true;
}

/** The latest unfinished visit of a loop's head, before state `cur` (kernel `find_prev_entry`). */
export function findPrevEntry(env: Env, cur: State, insnIdx: number): State | null {
  const list = env.explored.get(exploredAt(env, insnIdx));
  if (!list) return null;
  for (let i = list.length - 1; i >= 0; i--) {
    const state = list[i]!.state;
    if (state.insnIdx === insnIdx && state.branches > 0 && sameCallsites(state, cur) && state.dfsDepth < cur.dfsDepth) return state;
  }
  return null;
}

function widen(a: Regs, ab: number, b: Regs, bb: number): void {
  if (a[ab + TYPE] !== SCALAR || b[bb + TYPE] !== SCALAR || a[ab + PRECISE] || b[bb + PRECISE]) return;
  if (!exactRegs(a, ab, b, bb)) markUnknown(b, bb);
}

/** Scalars that differ between two rounds of a loop and decide nothing become unknown, so that the loop converges. */
export function widenImprecise(env: Env, old: State, cur: State): void {
  forgetIds(env);
  for (let fr = old.curFrame; fr >= 0; fr--) {
    const a = old.frames[fr]!;
    const b = cur.frames[fr]!;
    for (let i = 0; i < MAX_REG; i++) widen(a.regs, i * REG, b.regs, i * REG);
    const slots = Math.min(a.slots, b.slots);
    for (let i = 0; i < slots; i++) if (isSpilled(a, i) && isSpilled(b, i)) widen(a.spills, i * REG, b.spills, i * REG);
  }
}
