import { EACCES, EINVAL, type Env } from './env.ts';
import { ADD_CONST, clearId, ID, isConst, markUnknown, NOT_INIT, REG, type Regs, SCALAR, TYPE } from './reg.ts';
import { FP, MAX_REG, type State } from './state.ts';

/** An operand that is read: it must be one of the eleven registers and hold something. */
export function readReg(env: Env, i: number): void {
  if (i >= MAX_REG) env.fail(EINVAL, `R${i} is invalid\n`);
  env.scratchedRegs |= 1 << i;
  if (env.cur.frame.regs[i * REG + TYPE] === NOT_INIT) env.fail(EACCES, `R${i} !read_ok\n`);
}

/** An operand that is written; its old value stays for the caller to change. */
export function writeReg(env: Env, i: number): void {
  if (i >= MAX_REG) env.fail(EINVAL, `R${i} is invalid\n`);
  env.scratchedRegs |= 1 << i;
  if (i === FP) env.fail(EACCES, 'frame pointer is read only\n');
}

/** An operand that is written with something unknown. */
export function clobberReg(env: Env, i: number): void {
  writeReg(env, i);
  markUnknown(env.cur.frame.regs, i * REG);
}

/** Copies of a scalar get its id, so that a later comparison of one teaches the others (kernel `assign_scalar_id_before_mov`). */
export function shareId(env: Env, r: Regs, b: number): void {
  if (r[b + TYPE] !== SCALAR) return;
  if (r[b + ID]! & ADD_CONST) {
    clearId(r, b);
  }
  if (r[b + ID] === 0 && !isConst(r, b)) r[b + ID] = env.newId();
}

/** Notes the current instruction in the state's history (kernel `push_jmp_history`). */
export function pushHistory(env: Env, state: State, flags: number, links: readonly number[] | null): void {
  if (env.step >= 0) {
    state.history.amend(env.step, flags, links);
    return;
  }
  state.history.push(env.insnIdx, env.prevInsnIdx, flags, links);
  env.step = state.history.length - 1;
}
