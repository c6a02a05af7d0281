import { isFuncAddress, OP_LDDW } from '../bpf/insn.ts';
import { EFAULT, type Env, type SubprogInfo } from './env.ts';

/**
 * The functions that are left once instructions that no path reached are taken out of an accepted program: those that begin in
 * such a stretch and end with it are gone, and with them their place in the sum of stack depths (kernel `opt_remove_dead_code`,
 * `adjust_subprog_starts_after_remove`).
 */
export function liveFunctions(env: Env): SubprogInfo[] {
  const gone = new Set<SubprogInfo>();
  // The last function that begins in the stretch keeps its live end.
  for (const { from, to } of unseen(env)) for (const sub of env.subprogs) if (sub.start >= from && sub.end <= to) gone.add(sub);
  return env.subprogs.filter((sub) => !gone.has(sub));
}

/** Stretches of instructions that no path reached. */
function unseen(env: Env): { from: number; to: number }[] {
  const { insns, visits } = env;
  const isSeen = (idx: number): boolean => visits[idx]! > 0 || (idx > 0 && insns[idx - 1]!.opcode === OP_LDDW && visits[idx - 1]! > 0);
  const found: { from: number; to: number }[] = [];
  for (let from = 0; from < insns.length; from++) {
    if (isSeen(from)) continue;
    let to = from;
    while (to < insns.length && !isSeen(to)) to++;
    found.push({ from, to });
    from = to;
  }
  return found;
}

/**
 * 6.18 removes a function that no path entered even when live code holds its address. That address then means whatever has moved to its
 * place, which it can translate only if a function begins there (kernel `bpf_adj_delta_to_imm`, `jit_subprogs`; a program of one function
 * never gets there). The kernel names the instruction as it has rewritten the program by then, we as it was.
 */
export function checkAddressesLive(env: Env): void {
  const live = new Set(liveFunctions(env).map((sub) => sub.start));
  env.deadRemoved = true;
  if (live.size <= 1) return;
  const stretches = unseen(env);
  const starts = new Set([...live].map((start) => start - stretches.reduce((sum, { from, to }) => sum + (to <= start ? to - from : 0), 0)));
  env.insns.forEach((insn, idx) => {
    if (!isFuncAddress(insn) || !env.visits[idx] || live.has(idx + insn.imm + 1)) return;
    let target = idx + insn.imm + 1;
    let removed = 0;
    for (const { from, to } of stretches) {
      if (target >= to - removed) target -= to - from;
      removed += to - from;
    }
    if (!starts.has(target)) env.fail(EFAULT, `verifier bug: No program to jit at insn ${idx} (subprog < 0)\n`);
  });
}
