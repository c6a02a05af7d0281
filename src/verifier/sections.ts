import { NO_SLOT, slotOf } from './dynptr-slots.ts';
import { EACCES, EINVAL, type Env } from './env.ts';
import { inTreeCallback } from './graph.ts';
import type { Kfunc } from './kfunc-table.ts';
import { checkMemAccess } from './memory.ts';
import { AUX, FRAMENO, MAYBE_NULL, markNotInit, markPointer, RCU, REF, REG, type Regs, STACK, TYPE, UNTRUSTED } from './reg.ts';
import { isSpilled, MAX_REG, SLOT_INVALID, SLOT_IRQ, SLOT_ITER } from './state.ts';

/** Sections of a program in which it may not sleep: RCU readers, no preemption, no interrupts. */

/** The program may sleep here; a timer's callback may not, whatever the program may. */
export const inSleepable = (env: Env): boolean => env.cur.inSleepable;

/** What RCU protects may be used: in a section, and everywhere in programs that cannot sleep (kernel `in_rcu_cs`). */
export const inRcuSection = (env: Env): boolean => env.cur.activeRcu > 0 || env.cur.activeLocks > 0 || !inSleepable(env);

/** Effects of the functions that open and close sections, and what others may not do inside (the middle of kernel `check_kfunc_call`). */
export function checkSections(env: Env, kfunc: Kfunc): void {
  const { cur } = env;
  const { name } = kfunc;
  const lock = name === 'bpf_rcu_read_lock';
  const unlock = name === 'bpf_rcu_read_unlock';
  if (cur.activeRcu) {
    if ((lock || unlock) && inTreeCallback(env)) env.fail(EACCES, 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback\n');
    if (lock) env.fail(EINVAL, `nested rcu read lock (kernel function ${name})\n`);
    if (unlock) leaveRcu(env);
    else if (kfunc.sleepable) env.fail(EACCES, `kernel func ${name} is sleepable within rcu_read_lock region\n`);
  } else if (lock) {
    cur.activeRcu = 1;
  } else if (unlock) {
    env.fail(EINVAL, `unmatched rcu read unlock (kernel function ${name})\n`);
  }
  const disable = name === 'bpf_preempt_disable';
  const enable = name === 'bpf_preempt_enable';
  if (cur.activePreempt) {
    if (disable) cur.activePreempt++;
    else if (enable) cur.activePreempt--;
    else if (kfunc.sleepable) env.fail(EACCES, `kernel func ${name} is sleepable within non-preemptible region\n`);
  } else if (disable) {
    cur.activePreempt++;
  } else if (enable) {
    env.fail(EINVAL, `unmatched attempt to enable preemption (kernel function ${name})\n`);
  }
  if (cur.activeIrq && kfunc.sleepable) env.fail(EACCES, `kernel func ${name} is sleepable within IRQ-disabled region\n`);
  if (kfunc.rcuProtected && !inRcuSection(env)) env.fail(EACCES, `kernel func ${name} requires RCU critical section protection\n`);
}

/** Behind the section its pointers, also those in iterators, may dangle. */
function leaveRcu(env: Env): void {
  const distrust = (r: Regs, b: number): void => {
    if (!(r[b + TYPE]! & RCU)) return;
    r[b + TYPE]! &= ~(RCU | MAYBE_NULL);
    r[b + TYPE]! |= UNTRUSTED;
  };
  for (const frame of env.cur.frames) {
    for (let i = 0; i < MAX_REG; i++) distrust(frame.regs, i * REG);
    for (let spi = 0; spi < frame.slots; spi++)
      if (isSpilled(frame, spi) || frame.types[spi * 8 + 7] === SLOT_ITER) distrust(frame.spills, spi * REG);
  }
  env.cur.activeRcu = 0;
}

/** Who saved the interrupt flag: the functions for it, or a lock. */
const NATIVE = 1;
const LOCK = 2;

/** A slot that keeps the interrupt flag (kernel `process_irq_flag`); flags are restored in the reverse order. */
export function checkIrqFlag(env: Env, kfunc: Kfunc, regno: number): void {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + TYPE] !== STACK) env.fail(EINVAL, `arg#${regno - 1} doesn't point to an irq flag on stack\n`);
  const by = kfunc.name.includes('spin') ? LOCK : NATIVE;
  const frame = env.frameOf(r, b);
  let spi = slotOf(env, r, b, 'irq_flag', 1);
  const isFlag = spi >= 0 && frame.types.subarray(spi * 8, spi * 8 + 8).includes(SLOT_IRQ);
  if (kfunc.name.endsWith('save')) {
    if (spi === NO_SLOT || isFlag) env.fail(EINVAL, `expected uninitialized irq flag as arg#${regno - 1}\n`);
    checkMemAccess(env, env.insnIdx, regno, 0, 8, 'write', -1, false, false);
    spi = slotOf(env, r, b, 'irq_flag', 1);
    const id = env.newId();
    env.cur.refs = [...env.cur.refs, { kind: 'irq', id, insnIdx: env.insnIdx, ptr: -1 }];
    env.cur.activeIrq = id;
    markPointer(frame.spills, spi * REG, STACK);
    frame.spills[spi * REG + REF] = id;
    frame.spills[spi * REG + AUX] = by;
    frame.types.fill(SLOT_IRQ, spi * 8, spi * 8 + 8);
    env.stackLive.markWrite(frame.frameno, spi);
    return;
  }
  if (!isFlag || !frame.spills[spi * REG + REF]) env.fail(EINVAL, `expected an initialized irq flag as arg#${regno - 1}\n`);
  env.stackLive.markRead(r[b + FRAMENO]!, env.insnIdx, spi);
  env.scratchSlot(spi);
  const kind = frame.spills[spi * REG + AUX]!;
  if (kind !== by) {
    const word = (k: number): string => (k === NATIVE ? 'native' : 'lock');
    env.fail(EINVAL, `irq flag acquired by ${word(kind)} kfuncs cannot be restored with ${word(by)} kfuncs\n`);
  }
  restoreIrq(env, frame.spills[spi * REG + REF]!);
  markNotInit(frame.spills, spi * REG);
  frame.types.fill(SLOT_INVALID, spi * 8, spi * 8 + 8);
  env.stackLive.markWrite(frame.frameno, spi);
}

function restoreIrq(env: Env, id: number): void {
  const { cur } = env;
  if (id !== cur.activeIrq) {
    const last = cur.refs.find((ref) => ref.kind === 'irq' && ref.id === cur.activeIrq);
    env.fail(EACCES, `cannot restore irq state out of order, expected id=${cur.activeIrq} acquired at insn_idx=${last?.insnIdx ?? 0}\n`);
  }
  let outer = 0;
  for (const ref of cur.refs) {
    if (ref.kind !== 'irq') continue;
    if (ref.id === id) break;
    outer = ref.id;
  }
  cur.refs = cur.refs.filter((ref) => !(ref.kind === 'irq' && ref.id === id));
  cur.activeIrq = outer;
}
