import type { InsnIdx } from '../../base/units.ts';
import { ADD, ALU64, classOf, JGT, JLE, K, LDX, MEM, opOf, W } from '../../bpf/insn.ts';
import { CTX, ID, isConst, NOT_INIT, OFF, PACKET, PACKET_END, PACKET_META, REG, type Regs, TYPE } from '../reg.ts';
import { addImm, before, type Candidate, ifReg, leaveUnless, make, movReg, replace } from './build.ts';
import type { Diagnosis } from './diagnose.ts';
import { failedAccess } from './facts.ts';

/** Offset of `data_end` in the contexts that have one, by program type (uapi `struct __sk_buff`, `struct xdp_md`, `struct sk_msg_md`). */
export const DATA_END: Readonly<Record<number, number>> = { 3: 80, 4: 80, 6: 4, 8: 80, 10: 80, 11: 80, 12: 80, 14: 80, 19: 80 };

/** Offset of `data`, likewise. */
export const DATA: Readonly<Record<number, number>> = { 3: 76, 4: 76, 6: 0, 8: 76, 10: 76, 11: 76, 12: 76, 14: 76, 19: 76 };

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
  const ctx = all.find((r) => regs[r * REG + TYPE] === CTX) ?? -1;
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
    edit: before(at, [...load, ...add, ...way.insns]),
  }));
}

/** A check where there is none, a longer one where it is too short. */
export function packetCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const reg = found.place?.reg ?? -1;
  const state = trace.state;
  const access = failedAccess(trace, reg);
  if (!state || reg < 0 || !access) return [];
  const at = trace.insnIdx!;
  const bytes = access.off + access.size;
  const list: Candidate[] = [];
  list.push(...shortChecks(found, reg, bytes));
  if (bytes <= 0xffff) list.push(...guard(found, at, state.frame.regs, reg, bytes));
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
    if (imm > insn.imm && imm <= 0xffff)
      list.push({
        title: `Check ${need} bytes in place of ${step.frame.regs[insn.dst * REG + OFF]! + insn.imm}.`,
        edit: replace(step.insnIdx, { ...insn, opcode: ALU64 | ADD | K, imm }),
      });
  }
  return list;
}
