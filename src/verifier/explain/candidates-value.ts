import type { InsnIdx } from '../../base/units.ts';
import { CALL, classOf, DW, JMP, LD, LDX, MEM, modeOf, OP_EXIT, opOf, STX, sizeOf, W } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { CTX, ID, isConst, NOT_INIT, OFF, PACKET, PACKET_END, PACKET_META, PRECISE, REG, type Regs, TYPE } from '../reg.ts';
import {
  addImm,
  before,
  type Candidate,
  callHelper,
  functionAt,
  make,
  movImm,
  movReg,
  neutralReturn,
  slots,
  spareRegister,
} from './build.ts';
import { keptPointer, sentinel, wholeFill } from './candidates-keep.ts';
import { DATA, DATA_END } from './candidates-packet.ts';
import { pointedAtStack } from './candidates-stack.ts';
import type { Diagnosis } from './diagnose.ts';

function equalRegs(a: Regs, x: number, b: Regs, y: number): boolean {
  for (let i = 0; i < REG; i++) if (i !== PRECISE && i !== ID && a[x + i] !== b[y + i]) return false;
  return true;
}

/** A register that lost its value: from a copy, from before the call, or a first value. */
export function registerCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  if (reg < 0 || reg > 9) return [];
  const list: Candidate[] = [];
  const lossy = found.events.filter((e) => e.place.reg === reg && (e.kind === 'clobbered' || (e.lost && e.kind === 'changed')));
  const loss = lossy[lossy.length - 1];
  if (loss) list.push(...restored(found, loss.stepIdx, reg, at), ...reloaded(found, loss.stepIdx, reg, at));
  list.push(...wholeFill(found));
  if (found.class === 'provenance' || found.class === 'wrong-type')
    return [...list, ...keptPointer(found), ...sentinel(found), ...probedRead(found), ...pointedAtStack(found)];
  if (reg === 0 && trace.program.insns[at]!.opcode === OP_EXIT) {
    list.push({ title: `Return ${neutralReturn(found)}.`, edit: before(at, [movImm(0, neutralReturn(found))]) });
    return list;
  }
  if (loss) {
    const next = loss.insnIdx + slots(trace.program.insns[loss.insnIdx]!);
    if (next !== at) list.push({ title: `Set r${reg} to 0 after the call at ${loss.insnIdx}.`, edit: before(next, [movImm(reg, 0)]) });
  } else {
    const { start } = functionAt(found, at);
    if (start !== at && !assignedOnEntry(found, start, reg))
      list.push({ title: `Set r${reg} to 0 at the start of the function.`, edit: before(start, [movImm(reg, 0)]) });
  }
  list.push({ title: `Set r${reg} to 0 before instruction ${at}.`, edit: before(at, [movImm(reg, 0)]) });
  return [...list, ...pointedAtStack(found)];
}

const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
const sizeBytes = (insn: Insn): number => SIZES[sizeOf(insn)]!;

const PROBE_READ_KERNEL = 113;
/** Types that may call it (bpf_tracing_func_proto), and for which reading any address of the kernel is usual. */
const TRACING: ReadonlySet<number> = new Set([2, 5, 7, 17, 24, 26]);

/** A number that is an address of the kernel: read through it with the helper that takes faults, instead of directly. */
function probedRead(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const insn = trace.program.insns[at]!;
  const reg = found.place?.reg ?? -1;
  const off = freeSlot(found);
  if (!TRACING.has(trace.program.progType) || classOf(insn) !== LDX || modeOf(insn) !== MEM || insn.src !== reg || off === 0) return [];
  // The call takes r0 to r5: what is read later must not be there.
  const live = trace.env.liveRegs[at + 1] ?? 0;
  for (let r = 0; r <= 5; r++) if (r !== insn.dst && (live & (1 << r)) !== 0) return [];
  const size = sizeBytes(insn);
  const address = [...(reg === 3 ? [] : [movReg(3, reg)]), ...(insn.off === 0 ? [] : [addImm(3, insn.off)])];
  const call = [movReg(1, 10), addImm(1, off), movImm(2, size), callHelper(PROBE_READ_KERNEL)];
  const insert = [...address, ...call, { insn: { ...insn, src: 10, off } }];
  const title = `Read the ${size} ${size === 1 ? 'byte' : 'bytes'} at r${reg}${insn.off === 0 ? '' : ` ${insn.off > 0 ? '+' : '-'}${Math.abs(insn.off)}`} with bpf_probe_read_kernel, which takes any address.`;
  return [{ title, edit: { changes: [{ at, remove: 1, insert }] }, isCall: true }];
}

/** A packet pointer that a helper made void, from the context again, with its fixed offset. */
function reloaded(found: Diagnosis, stepIdx: number, reg: number, at: InsnIdx): Candidate[] {
  const { trace } = found;
  const old = trace.steps[stepIdx]!.frame.regs;
  const regs = trace.state!.frame.regs;
  const b = reg * REG;
  const type = old[b + TYPE];
  const { progType } = trace.program;
  const off =
    type === PACKET
      ? DATA[progType]
      : type === PACKET_END
        ? DATA_END[progType]
        : type === PACKET_META
          ? progType === 6
            ? 8
            : 140
          : undefined;
  const ctx = [6, 7, 8, 9, 1, 2, 3, 4, 5, 0].find((r) => regs[r * REG + TYPE] === CTX);
  if (off === undefined || !isConst(old, b)) return [];
  const fixed = old[b + OFF]!;
  const load = (from: number) => [make(LDX | MEM | W, reg, from, off), ...(fixed !== 0 ? [addImm(reg, fixed)] : [])];
  const title = `Load r${reg} again from the context before instruction ${at}`;
  if (ctx !== undefined) return [{ title: `${title}.`, edit: before(at, load(ctx)) }];
  // The call took the context away, too.
  const lost = trace.steps[stepIdx]!;
  const kept = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => old[r * REG + TYPE] === CTX);
  const spare = spareRegister(found, at);
  if (kept === undefined || spare < 0 || lost.insnIdx >= at || lost.frameno !== trace.state!.curFrame) return [];
  const changes = [
    { at: lost.insnIdx, remove: 0, insert: [movReg(spare, kept)] },
    { at, remove: 0, insert: load(spare) },
  ];
  return [{ title: `${title}; keep the context in r${spare} for that.`, edit: { changes } }];
}

/** Whether the function is entered with something in the register. */
function assignedOnEntry(found: Diagnosis, start: InsnIdx, reg: number): boolean {
  const entry = found.trace.steps.find((s) => s.insnIdx === start);
  return !entry || entry.frame.regs[reg * REG + TYPE] !== NOT_INIT;
}

function restored(found: Diagnosis, stepIdx: number, reg: number, at: InsnIdx): Candidate[] {
  const { trace } = found;
  const step = trace.steps[stepIdx]!;
  const old = step.frame.regs;
  const now = trace.state!.frame.regs;
  const list: Candidate[] = [];
  if (old[reg * REG + TYPE] === NOT_INIT) return list;
  for (const copy of [6, 7, 8, 9, 0, 1, 2, 3, 4, 5])
    if (copy !== reg && equalRegs(old, reg * REG, now, copy * REG))
      list.push({ title: `Take r${reg} again from r${copy}, which still has it.`, edit: before(at, [movReg(reg, copy)]) });
  const call = trace.program.insns[step.insnIdx]!;
  const isCall = (classOf(call) === JMP && opOf(call) === CALL) || classOf(call) === LD;
  if (!isCall || step.insnIdx >= at) return list;
  const what = classOf(call) === LD ? 'load' : 'call';
  const spare = spareRegister(found, at);
  if (spare >= 0) {
    const changes = [
      { at: step.insnIdx, remove: 0, insert: [movReg(spare, reg)] },
      { at, remove: 0, insert: [movReg(reg, spare)] },
    ];
    list.push({ title: `Keep r${reg} in r${spare} across the ${what} at ${step.insnIdx}.`, edit: { changes } });
  }
  const off = freeSlot(found);
  if (off < 0) {
    const changes = [
      { at: step.insnIdx, remove: 0, insert: [make(STX | MEM | DW, 10, reg, off)] },
      { at, remove: 0, insert: [make(LDX | MEM | DW, reg, 10, off)] },
    ];
    list.push({ title: `Keep r${reg} on the stack at fp${off} across the ${what} at ${step.insnIdx}.`, edit: { changes } });
  }
  return list;
}

/** Offset of a stack slot below all that the function has used on this path; 0 when there is none. */
function freeSlot(found: Diagnosis): number {
  const used = found.trace.state!.frame.slots;
  return used < 64 ? -8 * (used + 1) : 0;
}
