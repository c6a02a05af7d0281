import type { InsnIdx } from '../../base/units.ts';
import {
  ADD,
  ALU,
  ALU64,
  classOf,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  K,
  LD,
  LDX,
  MEM,
  modeOf,
  opOf,
  ST,
  STX,
  sizeOf,
  W,
  X,
} from '../../bpf/insn.ts';
import { CTX, ID, isConst, NOT_INIT, OFF, PACKET, PACKET_END, PACKET_META, REG, type Regs, TYPE } from '../reg.ts';
import { addImm, before, type Candidate, ifReg, leaveUnless, make, movReg, replace, spareRegister } from './build.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Change } from './edit.ts';
import { failedAccess } from './facts.ts';
import { wasTaken } from './slice.ts';

/** Offset of `data_end` in the contexts that have one, by program type (uapi `struct __sk_buff`, `struct xdp_md`, `struct sk_msg_md`). */
export const DATA_END: Readonly<Record<number, number>> = { 3: 80, 4: 80, 6: 4, 8: 80, 10: 80, 11: 80, 12: 80, 14: 80, 19: 80 };

/** Offset of `data`, likewise. */
export const DATA: Readonly<Record<number, number>> = { 3: 76, 4: 76, 6: 0, 8: 76, 10: 76, 11: 76, 12: 76, 14: 76, 19: 76 };

const BYTES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };

/** A register that the guard may use: nothing reads it later. */
function scratch(found: Diagnosis, at: InsnIdx, regs: Regs, taken: readonly number[]): number {
  const live = found.trace.env.liveRegs[at]!;
  const insn = found.trace.program.insns[at]!;
  const free = (r: number): boolean => !taken.includes(r) && !(live & (1 << r)) && insn.src !== r;
  return (
    [0, 5, 4, 3, 2, 1, 9, 8, 7, 6].find((r) => free(r) && regs[r * REG + TYPE] === NOT_INIT) ??
    [0, 5, 4, 3, 2, 1, 9, 8, 7, 6].find(free) ??
    -1
  );
}

/** A comparison with the packet's end before instruction `at` for `bytes` from register `reg`. */
function guard(found: Diagnosis, at: InsnIdx, regs: Regs, reg: number, bytes: number): Candidate[] {
  const meta = regs[reg * REG + TYPE] === PACKET_META;
  const isStart = (r: number): boolean => regs[r * REG + ID] === 0 && regs[r * REG + OFF] === 0 && isConst(regs, r * REG);
  const isEnd = (r: number): boolean => (meta ? regs[r * REG + TYPE] === PACKET && isStart(r) : regs[r * REG + TYPE] === PACKET_END);
  const all = [6, 7, 8, 9, 0, 1, 2, 3, 4, 5];
  const end = all.find(isEnd) ?? -1;
  const sum = scratch(found, at, regs, [reg, end]);
  if (sum < 0) return [];
  const { progType } = found.trace.program;
  const table = meta ? DATA : DATA_END;
  let ctx = all.find((r) => regs[r * REG + TYPE] === CTX) ?? -1;
  const kept = end < 0 && ctx < 0 ? keptContext(found, at) : null;
  if (kept) ctx = kept.reg;
  const last = end >= 0 ? end : scratch(found, at, regs, [reg, sum, ctx]);
  if (end < 0 && (table[progType] === undefined || ctx < 0 || last < 0)) return [];
  const load = end >= 0 ? [] : [make(LDX | MEM | W, last, ctx, table[progType]!)];
  const add = bytes > 0 ? [movReg(sum, reg), addImm(sum, bytes)] : [];
  const left = bytes > 0 ? sum : reg;
  const ways = leaveUnless(
    found,
    (off) => ifReg(JLE, left, last, off),
    (off) => ifReg(JGT, left, last, off),
  );
  return ways.map((way) => ({
    title: `${way.how} unless ${Math.max(bytes, 0)} bytes from r${reg} lie within the packet, before instruction ${at}.`,
    edit: kept
      ? { changes: [kept.change, { at, remove: 0, insert: [...load, ...add, ...way.insns] }] }
      : before(at, [...load, ...add, ...way.insns]),
  }));
}

/** A register that keeps the context from the last place of the function where one still had it. */
function keptContext(found: Diagnosis, at: InsnIdx): { readonly reg: number; readonly change: Change } | null {
  const { trace } = found;
  const spare = spareRegister(found, at);
  const step = trace.steps.findLast((s) => s.frameno === trace.state?.curFrame && s.insnIdx < at && s.frame.regs[REG + TYPE] === CTX);
  if (spare < 0 || !step) return null;
  return { reg: spare, change: { at: step.insnIdx, remove: 0, insert: [movReg(spare, 1)] } };
}

/** How far the accesses right behind this one reach through the same register: one check serves them all. */
function reachBehind(found: Diagnosis, at: InsnIdx, reg: number): number {
  const { insns } = found.trace.program;
  const regs = found.trace.state!.frame.regs;
  // Behind a variable offset each access has its own.
  if (!isConst(regs, reg * REG)) return 0;
  let reach = 0;
  for (let i = at; i < insns.length; i++) {
    const insn = insns[i]!;
    const cls = classOf(insn);
    if (cls === JMP || cls === JMP32) break;
    const base = cls === LDX ? insn.src : cls === ST || cls === STX ? insn.dst : -1;
    if (base === reg && modeOf(insn) === MEM) reach = Math.max(reach, insn.off + BYTES[sizeOf(insn)]!);
    if ((cls === LDX || cls === LD || cls === ALU || cls === ALU64) && insn.dst === reg) break;
  }
  return reach;
}

/** A check where there is none, a longer one where it is too short. */
export function packetCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const reg = found.place?.reg ?? -1;
  const state = trace.state;
  const access = failedAccess(trace, reg);
  if (!state || reg < 0 || !access) return [];
  const at = trace.insnIdx!;
  const bytes = Math.max(access.off + access.size, reachBehind(found, at, reg));
  const list: Candidate[] = [];
  list.push(...shortChecks(found, reg, bytes));
  if (bytes <= 0xffff && !foundTooShort(found, reg, bytes)) list.push(...guard(found, at, state.frame.regs, reg, bytes));
  // Where the end is gone at the access, an earlier place may still have it.
  for (let i = trace.steps.length - 2, tried = 0; i >= 0 && tried < 2 && list.length === 0; i--) {
    const step = trace.steps[i]!;
    const { regs } = step.frame;
    const holder = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => regs[r * REG + TYPE] === PACKET && regs[r * REG + OFF] === 0);
    const total = bytes + state.frame.regs[reg * REG + OFF]!;
    if (step.frameno !== state.curFrame || holder === undefined || total <= 0 || total > 0xffff) continue;
    const found2 = guard(found, step.insnIdx, regs, holder, total);
    if (found2.length > 0) tried++;
    list.push(...found2);
  }
  return list;
}

/** Whether "the first operand is greater" or "less" is what the outcome of a comparison says. */
const GREATER: Readonly<Record<number, readonly [taken: number, not: number]>> = {
  [JGT]: [1, -1],
  [JGE]: [1, -1],
  [JLT]: [-1, 1],
  [JLE]: [-1, 1],
};

/**
 * The failing path lies where a comparison has found the packet to end before the bytes in question: another check there would never
 * let the access happen. The verifier itself keeps only what a comparison proves to be there.
 */
function foundTooShort(found: Diagnosis, reg: number, bytes: number): boolean {
  const { trace } = found;
  const now = trace.state!.frame.regs;
  const meta = now[reg * REG + TYPE] === PACKET_META;
  const needed = now[reg * REG + OFF]! + bytes;
  return trace.steps.some(({ insnIdx, frameno, frame }, i) => {
    const insn = trace.program.insns[insnIdx]!;
    const says = classOf(insn) === JMP && insn.opcode & X ? GREATER[opOf(insn)] : undefined;
    if (!says || frameno !== trace.state!.curFrame || i === trace.steps.length - 1) return false;
    const { regs } = frame;
    const isEnd = (r: number): boolean => regs[r * REG + TYPE] === (meta ? PACKET : PACKET_END) && (!meta || regs[r * REG + OFF] === 0);
    const isStart = (r: number): boolean =>
      regs[r * REG + TYPE] === now[reg * REG + TYPE] && regs[r * REG + ID] === now[reg * REG + ID] && regs[r * REG + OFF]! <= needed;
    const sign = says[wasTaken(trace, i) ? 0 : 1];
    return isStart(insn.dst) && isEnd(insn.src) ? sign > 0 : isEnd(insn.dst) && isStart(insn.src) && sign < 0;
  });
}

/** Additions to a packet pointer on the path whose sum is compared with the packet's end: their constant may be too small. */
function shortChecks(found: Diagnosis, reg: number, bytes: number): Candidate[] {
  const { trace } = found;
  const regs = trace.state!.frame.regs;
  const need = regs[reg * REG + OFF]! + bytes;
  const list: Candidate[] = [];
  for (let i = trace.steps.length - 2; i >= 0 && list.length < 2; i--) {
    const step = trace.steps[i]!;
    const insn = trace.program.insns[step.insnIdx]!;
    if (classOf(insn) !== ALU64 || opOf(insn) !== ADD || insn.opcode & 8 || insn.imm <= 0 || insn.dst === reg) continue;
    if (step.frame.regs[insn.dst * REG + TYPE] !== PACKET) continue;
    const imm = need - step.frame.regs[insn.dst * REG + OFF]!;
    if (imm > 0 && imm !== insn.imm && imm <= 0xffff)
      list.push({
        title: `Check ${need} bytes in place of ${step.frame.regs[insn.dst * REG + OFF]! + insn.imm}.`,
        edit: replace(step.insnIdx, { ...insn, opcode: ALU64 | ADD | K, imm }),
      });
  }
  return list;
}
