import { JEQ, JMP, jumpTarget, OP_CALL } from '../../bpf/insn.ts';
import { ID, MAYBE_NULL, OFF, REF, REG, SCALAR, TYPE } from '../reg.ts';
import { addImm, before, type Candidate, callHelper, ifImm, make, movImm, movReg, neutralReturn, spareRegister } from './build.ts';
import type { Diagnosis } from './diagnose.ts';
import type { NewInsn } from './edit.ts';
import { lastBranch, wasTaken } from './slice.ts';

const SK_RELEASE = 86;
const RINGBUF_RESERVE = 131;
const RINGBUF_DISCARD = 133;
const TAIL_CALL = 12;
/** sk_lookup_tcp, sk_lookup_udp, skc_lookup_tcp, and the lookup in a map of sockets. */
const SK_LOOKUPS = new Set([84, 85, 99, 1]);

/** The call that gives back what `alloc` took, with its further arguments; null when it is not one of these. */
function releaseOf(helper: number): readonly NewInsn[] | null {
  if (SK_LOOKUPS.has(helper)) return [callHelper(SK_RELEASE)];
  if (helper === RINGBUF_RESERVE) return [movImm(2, 0), callHelper(RINGBUF_DISCARD)];
  return null;
}

/** Gives a reference back before the exit that would leak it. */
export function releaseCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  if (/spin_lock-ed region/.test(found.message)) return unlockCandidates(found);
  const said = /Unreleased reference id=(\d+) alloc_insn=(\d+)/.exec(trace.said);
  const regs = trace.state?.frame.regs;
  if (!said || !regs) return [];
  const id = Number(said[1]);
  const alloc = Number(said[2]);
  const call = trace.program.insns[alloc];
  const release = call?.opcode === OP_CALL && call.src === 0 ? releaseOf(call.imm) : null;
  if (!release) return [];
  const insn = trace.program.insns[at]!;
  if (insn.opcode === OP_CALL && insn.imm === TAIL_CALL) return [];
  const list: Candidate[] = [];
  const title = `Give back what the call at ${alloc} took, before instruction ${at}.`;
  const holder = [6, 7, 8, 9, 1, 2, 3, 4, 5, 0].find((r) => regs[r * REG + REF] === id) ?? -1;
  if (holder >= 0) {
    const mayBeNull = (regs[holder * REG + TYPE]! & MAYBE_NULL) !== 0;
    const give = [movReg(1, holder), ...(mayBeNull ? [skipNull(release.length)] : []), ...release];
    const keep = [9, 8, 7, 6].find((r) => r !== holder) ?? 9;
    if (holder !== 0 && regs[TYPE] === SCALAR) list.push({ title, edit: before(at, [movReg(keep, 0), ...give, movReg(0, keep)]) });
    const block = [...give, movImm(0, neutralReturn(found))];
    list.push({ title, edit: before(at, block) }, ...onBranch(found, give, title));
  }
  const spare = spareRegister(found, at);
  if (spare >= 0 && alloc < at) {
    const changes = [
      { at: alloc + 1, remove: 0, insert: [movReg(spare, 0)] },
      { at, remove: 0, insert: [movReg(1, spare), skipNull(release.length), ...release, movImm(0, neutralReturn(found))] },
    ];
    if (alloc + 1 < at) list.push({ title: `Keep the result of the call at ${alloc} in r${spare}. ${title}`, edit: { changes } });
    else list.push({ title, edit: before(at, [movReg(1, 0), skipNull(release.length), ...release, movImm(0, neutralReturn(found))]) });
  }
  return list;
}

/** The same on one of several ways to the exit: the last branch leads to a block of its own, which goes on where the branch led. */
function onBranch(found: Diagnosis, give: readonly NewInsn[], title: string): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const stepIdx = lastBranch(trace);
  if (stepIdx < 0 || !wasTaken(trace, stepIdx)) return [];
  const branch = trace.steps[stepIdx]!.insnIdx;
  const insn = trace.program.insns[branch]!;
  const target = jumpTarget(insn, branch);
  if (branch >= target || target > at) return [];
  const block = target === at ? [...give, movImm(0, neutralReturn(found))] : give;
  const changes = [
    { at: branch, remove: 1, insert: [{ insn, target, ahead: block.length }] },
    { at: target, remove: 0, insert: [make(JMP, 0, 0, block.length), ...block] },
  ];
  return [{ title: `${title.slice(0, -1)}, only where the branch at ${branch} leads.`, edit: { changes } }];
}

const SPIN_LOCK = 93;
const SPIN_UNLOCK = 94;

/** Unlocks before the exit, with the address that the lock was taken with. */
function unlockCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const taken = trace.steps.findLast((s) => {
    const insn = trace.program.insns[s.insnIdx]!;
    return insn.opcode === OP_CALL && insn.src === 0 && insn.imm === SPIN_LOCK;
  });
  const regs = trace.state?.frame.regs;
  if (!taken || !regs) return [];
  const lock = taken.frame.regs;
  const same = (r: number): boolean => regs[r * REG + TYPE] === lock[REG + TYPE] && regs[r * REG + ID] === lock[REG + ID];
  const holder = [6, 7, 8, 9, 1, 2, 3, 4, 5].find(same);
  if (holder === undefined) return [];
  const off = lock[REG + OFF]! - regs[holder * REG + OFF]!;
  const address = [movReg(1, holder), ...(off !== 0 ? [addImm(1, off)] : [])];
  const keep = [9, 8, 7, 6].find((r) => r !== holder)!;
  const title = `Unlock before instruction ${at}.`;
  const give = [...address, callHelper(SPIN_UNLOCK)];
  const block = [...give, movImm(0, neutralReturn(found))];
  const list: Candidate[] = [{ title, edit: before(at, block) }, ...onBranch(found, give, title)];
  if (regs[TYPE] === SCALAR)
    list.unshift({ title, edit: before(at, [movReg(keep, 0), ...address, callHelper(SPIN_UNLOCK), movReg(0, keep)]) });
  return list;
}

/** `if r1 == 0` over the release. */
const skipNull = (length: number): NewInsn => ifImm(JEQ, 1, 0, length);
