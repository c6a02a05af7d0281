import {
  ALU,
  ALU64,
  ATOMIC,
  CALL,
  CMPXCHG,
  classOf,
  DW,
  EXIT,
  FETCH,
  IMM,
  JA,
  JCOND,
  JMP,
  JMP32,
  LD,
  LDX,
  LOAD_ACQ,
  MEM,
  MOV,
  modeOf,
  opOf,
  PSEUDO_KFUNC_CALL,
  ST,
  STORE_REL,
  STX,
  sizeOf,
  X,
} from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import type { Env } from './env.ts';
import { callSummary } from './helper-here.ts';
import { kfuncAt } from './kfunc-table.ts';

const ALL = 0xffff;
const CALLER_SAVED = 0x3f;

/** Registers that an instruction writes (low half) and reads (high half). */
function defUse(env: Env, insn: Insn, idx: number): { def: number; use: number } {
  const src = 1 << insn.src;
  const dst = 1 << insn.dst;
  const op = opOf(insn);
  const mode = modeOf(insn);
  const byReg = (insn.opcode & X) !== 0;
  switch (classOf(insn)) {
    case LD:
      return mode === IMM && sizeOf(insn) === DW ? { def: dst, use: 0 } : { def: 0, use: ALL };
    case LDX:
      return { def: dst, use: src };
    case ST:
      return mode === MEM ? { def: 0, use: dst } : { def: 0, use: ALL };
    case STX:
      if (mode === MEM) return { def: 0, use: dst | src };
      if (mode !== ATOMIC) return { def: 0, use: ALL };
      if (insn.imm === CMPXCHG) return { def: 1, use: 1 | dst | src };
      if (insn.imm === LOAD_ACQ) return { def: dst, use: src };
      if (insn.imm === STORE_REL) return { def: 0, use: dst | src };
      return { def: insn.imm & FETCH ? src : 0, use: dst | src };
    case ALU:
    case ALU64:
      // A byte swap has a source bit but no source register.
      if (op === 0xd0) return { def: dst, use: dst };
      if (op === MOV) return { def: dst, use: byReg ? src : 0 };
      return { def: dst, use: byReg ? dst | src : dst };
    case JMP:
    case JMP32:
      if (op === JA) return { def: 0, use: byReg ? dst : 0 };
      if (op === JCOND) return { def: 0, use: 0 };
      if (op === EXIT) return { def: 0, use: 1 };
      if (op === CALL) return { def: CALLER_SAVED, use: callUse(env, insn, idx) };
      return { def: 0, use: byReg ? dst | src : dst };
    default:
      return { def: 0, use: ALL };
  }
}

function callUse(env: Env, insn: Insn, idx: number): number {
  const kfunc = insn.src === PSEUDO_KFUNC_CALL ? kfuncAt(env, idx) : undefined;
  if (kfunc) return ((1 << (kfunc.params.length + 1)) - 1) & ~1;
  const summary = insn.src === 0 ? callSummary(env, insn) : null;
  return summary ? ((1 << (summary.params + 1)) - 1) & ~1 : CALLER_SAVED & ~1;
}

/** Which registers may be read after each instruction starts, by backward data flow to a fixed point. */
export function computeLiveRegs(env: Env): void {
  const n = env.insns.length;
  const def = new Uint16Array(n);
  const use = new Uint16Array(n);
  const live = env.liveRegs;
  for (let i = 0; i < n; i++) {
    const du = defUse(env, env.insns[i]!, i);
    def[i] = du.def;
    use[i] = du.use;
  }
  const { postorder, following, target } = env;
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = 0; i < postorder.length; i++) {
      const idx = postorder[i]!;
      const next = following[idx]!;
      const jump = target[idx]!;
      const out = (next < 0 ? 0 : live[next]!) | (jump < 0 ? 0 : live[jump]!);
      const into = (out & ~def[idx]!) | use[idx]!;
      if (into === live[idx]) continue;
      live[idx] = into;
      changed = true;
    }
  }
  if (env.log.detail) printLiveRegs(env);
}

function printLiveRegs(env: Env): void {
  let text = 'Live regs before insn:\n';
  for (let i = 0; i < env.insns.length; i++) {
    text += env.scc[i] ? `${String(env.scc[i]).padStart(3)} ` : '    ';
    text += `${String(i).padStart(3)}: `;
    for (let r = 0; r < 10; r++) text += env.liveRegs[i]! & (1 << r) ? r : '.';
    text += ` ${env.insnText(i)}`;
    if (env.insns[i]!.opcode === (LD | IMM | DW)) i++;
  }
  env.log.write(text);
}
