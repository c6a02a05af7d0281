import type { Env } from './env.ts';
import { REF } from './reg.ts';
import { State } from './state.ts';

/** Notes that the program owes something back; the id marks the registers that hold it. */
export function acquireReference(env: Env, insnIdx: number): number {
  const id = env.newId();
  env.cur.refs = [...env.cur.refs, { kind: 'ptr', id, insnIdx, ptr: -1 }];
  return id;
}

/** Forgets a reference; false when there is none with this id. */
export function releaseReference(state: State, id: number): boolean {
  const at = state.refs.findIndex((r) => r.kind === 'ptr' && r.id === id);
  if (at < 0) return false;
  state.refs = [...state.refs.slice(0, at), ...state.refs.slice(at + 1)];
  return true;
}

/** Gives a reference back and makes every register that holds it unreadable. */
export function dropReference(env: Env, id: number): boolean {
  if (!releaseReference(env.cur, id)) return false;
  env.cur.forEachReg((r, b) => {
    if (r[b + REF] === id) State.invalidate(r, b, env.rules.leaksPointers);
  });
  return true;
}
