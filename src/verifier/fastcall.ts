import { DW, JCOND, JMP, LDX, MEM, OP_CALL, STX } from '../bpf/insn.ts';
import type { Env, SubprogInfo } from './env.ts';
import { callSummary } from './helper-here.ts';
import { isKfuncCall, kfuncAt } from './kfunc-table.ts';

/**
 * Compilers wrap calls that keep registers in spills and fills which the kernel removes (`mark_fastcall_patterns`). For the
 * verdict only the stack depth differs: slots used for nothing else do not count.
 */
const SPILL = STX | MEM | DW;
const FILL = LDX | MEM | DW;
const CALLER_SAVED = 0x3f;

export function markFastcallPatterns(env: Env): void {
  if (!env.rules.fastcall) return;
  for (const sub of env.subprogs) {
    let lowest = 0;
    for (let i = sub.start; i < sub.end; i++) {
      const insn = env.insns[i]!;
      if (insn.opcode === SPILL && insn.dst === 10) lowest = Math.min(lowest, insn.off);
    }
    for (let i = sub.start; i < sub.end; i++) if (env.insns[i]!.opcode === OP_CALL) markCall(env, sub, i, lowest);
  }
}

/** Kernel functions that the verifier replaces by a move of their argument (kernel KF_FASTCALL). */
const FASTCALL = new Set(['bpf_cast_to_kern_ctx', 'bpf_rdonly_cast']);

function kfuncSummary(env: Env, idx: number): ReturnType<typeof callSummary> {
  const kfunc = isKfuncCall(env.insns[idx]!) ? kfuncAt(env, idx) : undefined;
  return kfunc ? { params: kfunc.params.length, isVoid: kfunc.result.kind === 'void', fastcall: FASTCALL.has(kfunc.name) } : null;
}

function markCall(env: Env, sub: SubprogInfo, call: number, lowest: number): void {
  const summary = kfuncSummary(env, call) ?? callSummary(env, env.insns[call]!);
  if (!summary) return;
  const clobbered = ((1 << (summary.params + 1)) - 1) & (summary.isVoid ? ~1 : ~0);
  let expected = ~clobbered & CALLER_SAVED;
  let off = lowest;
  let n = 1;
  for (; n <= 6; n++, off += 8) {
    const stx = env.insns[call - n];
    const ldx = env.insns[call + n];
    if (!stx || !ldx || stx.opcode !== SPILL || ldx.opcode !== FILL || stx.dst !== 10 || ldx.src !== 10) break;
    if (stx.src !== ldx.dst || !(expected & (1 << stx.src)) || stx.off !== off || ldx.off !== off) break;
    expected &= ~(1 << stx.src);
    env.fastcallPattern[call - n] = 1;
    env.fastcallPattern[call + n] = 1;
  }
  if (n === 1) return;
  if (summary.fastcall) env.fastcallSpills[call] = n - 1;
  else sub.keepFastcallStack = true;
  sub.fastcallStackOff = Math.min(sub.fastcallStackOff, off);
}

/**
 * A `may_goto` that jumps anywhere keeps its count and a time stamp on the stack. Those that jump to the next instruction are taken out
 * first, and with them those before them that jumped over nothing else (kernel `opt_remove_nops`).
 */
function countsRounds(env: Env, sub: SubprogInfo): boolean {
  let next = sub.end;
  for (let i = sub.end - 1; i >= sub.start; i--) {
    if (!env.visits[i]) continue;
    const { opcode, off } = env.insns[i]!;
    if (opcode !== (JMP | JCOND)) next = i;
    else if (off < 0 || i + 1 + off > next) return true;
  }
  return false;
}

/** A `bpf_loop` in place of its call keeps three registers on the stack. */
export function growForLoops(env: Env): void {
  for (const sub of env.subprogs) {
    let inlined = false;
    for (const [idx, callback] of env.loopInline) if (callback >= 0 && idx >= sub.start && idx < sub.end) inlined = true;
    if (countsRounds(env, sub)) sub.stackDepth += 16;
    if (inlined) sub.stackDepth = Math.ceil(sub.stackDepth / 8) * 8 + 24;
  }
}

/** After exploration: functions whose lowest slots served only such spills need less stack. */
export function settleFastcallStack(env: Env): void {
  for (const sub of env.subprogs) {
    let modified = false;
    for (let i = sub.start; i < sub.end; i++) if (env.fastcallSpills[i]) modified = true;
    if (modified && !sub.keepFastcallStack) sub.stackDepth = -sub.fastcallStackOff;
  }
}
