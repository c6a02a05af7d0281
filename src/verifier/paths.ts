import { E2BIG, type Env, LIMIT_JUMPS } from './env.ts';
import type { State } from './state.ts';

/** Puts a copy of the current state aside, to be explored from `insnIdx` later (kernel `push_stack`). */
export function pushPath(env: Env, insnIdx: number, prevInsnIdx: number): State {
  const state = env.cur.clone();
  env.pending.push({ state, insnIdx, prevInsnIdx, logPos: env.log.pos });
  if (env.pending.length > LIMIT_JUMPS) env.fail(E2BIG, `The sequence of ${env.pending.length} jumps is too complex.\n`);
  if (state.parent) state.parent.branches++;
  return state;
}
