import { isFuncAddress, OP_LDDW } from '../bpf/insn.ts';
import { EFAULT, type Env, type SubprogInfo } from './env.ts';

/**
 * The functions that are left once instructions that no path reached are taken out of an accepted program: those that begin in
 * such a stretch and end with it are gone, and with them their place in the sum of stack depths (kernel `opt_remove_dead_code`,
 * `adjust_subprog_starts_after_remove`).
 */
export function liveFunctions(env: Env): SubprogInfo[] {
  const { insns, visits, subprogs } = env;
  const isSeen = (idx: number): boolean => visits[idx]! > 0 || (idx > 0 && insns[idx - 1]!.opcode === OP_LDDW && visits[idx - 1]! > 0);
  const gone = new Set<SubprogInfo>();
  for (let from = 0; from < insns.length; from++) {
    if (isSeen(from)) continue;
    let to = from;
    while (to < insns.length && !isSeen(to)) to++;
    // The last function that begins in the stretch keeps its live end.
    for (const sub of subprogs) if (sub.start >= from && sub.end <= to) gone.add(sub);
    from = to;
  }
  return subprogs.filter((sub) => !gone.has(sub));
}

/**
 * 6.18 removes a function that no path entered even when live code holds its address, and then cannot translate that address
 * (kernel `jit_subprogs`, which a program of one function never meets).
 */
export function checkAddressesLive(env: Env): void {
  const live = new Set(liveFunctions(env).map((sub) => sub.start));
  if (live.size <= 1) return;
  env.insns.forEach((insn, idx) => {
    if (!isFuncAddress(insn) || !env.visits[idx] || live.has(idx + insn.imm + 1)) return;
    env.fail(EFAULT, `verifier bug: No program to jit at insn ${idx} (subprog < 0)\n`);
  });
}
