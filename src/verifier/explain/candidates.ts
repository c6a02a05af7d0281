import type { InsnIdx } from '../../base/units.ts';
import { isJump, JEQ, JGE, JGT, JLE, JLT, JMP, JNE, JSGE, JSGT, JSLE, JSLT, jumpTarget, OP_EXIT, opOf } from '../../bpf/insn.ts';
import { CTX, REG, TYPE } from '../reg.ts';
import {
  aimedAt,
  andImm,
  before,
  type Candidate,
  exits,
  ifImm,
  leave,
  leaveUnless,
  make,
  movImm,
  movReg,
  neutralReturn,
  slots,
} from './build.ts';
import { boundCandidates } from './candidates-bound.ts';
import { packetCandidates } from './candidates-packet.ts';
import { releaseCandidates } from './candidates-release.ts';
import { movedAccess, packedFrames } from './candidates-stack.ts';
import { registerCandidates } from './candidates-value.ts';
import type { Diagnosis } from './diagnose.ts';
import { lastBranch, wasTaken } from './slice.ts';

/** The checks that may come before an instruction that uses a pointer. */
function nullChecks(found: Diagnosis, at: InsnIdx, reg: number): Candidate[] {
  const { insns } = found.trace.program;
  const ways = leaveUnless(
    found,
    (off) => ifImm(JNE, reg, 0, off),
    (off) => ifImm(JEQ, reg, 0, off),
  );
  const list: Candidate[] = ways.map((way) => ({
    title: `${way.how} when r${reg} is null, before instruction ${at}.`,
    edit: before(at, way.insns),
  }));
  const insn = insns[at]!;
  const next = at + slots(insn);
  if (!isJump(insn) && insn.opcode !== OP_EXIT && next < insns.length)
    list.splice(1, 0, { title: `Skip instruction ${at} when r${reg} is null.`, edit: before(at, [aimedAt(ifImm(JEQ, reg, 0, 0), next)]) });
  return list;
}

function nullCandidates(found: Diagnosis): Candidate[] {
  const reg = found.place?.reg ?? -1;
  const at = found.trace.insnIdx!;
  if (reg < 0) return [];
  const list = nullChecks(found, at, reg);
  // A copy that was made by arithmetic or a spill is better checked where the pointer came from.
  for (const event of found.events) {
    if (event.place.reg < 0 || event.kind === 'decision' || !/_or_null/.test(event.after)) continue;
    const next = event.insnIdx + slots(found.trace.program.insns[event.insnIdx]!);
    if (next !== at && next < found.trace.program.insns.length) list.push(...nullChecks(found, next, event.place.reg).slice(0, 1));
  }
  return list;
}

const JCOND_OP = JMP | 0xe0;

/** Conditions and their opposites (high four bits of the opcode). */
const OPPOSITE: Readonly<Record<number, number>> = {
  [JEQ]: JNE,
  [JNE]: JEQ,
  [JGT]: JLE,
  [JLE]: JGT,
  [JGE]: JLT,
  [JLT]: JGE,
  [JSGT]: JSLE,
  [JSLE]: JSGT,
  [JSGE]: JSLT,
  [JSLT]: JSGE,
};

/** The last branch that the failing path took leads to an exit instead, or tests the opposite: this path should not have come here. */
function redirected(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const { insns } = trace.program;
  const stepIdx = lastBranch(trace);
  if (stepIdx < 0) return [];
  const at = trace.steps[stepIdx]!.insnIdx;
  const insn = insns[at]!;
  const list: Candidate[] = [];
  if (wasTaken(trace, stepIdx))
    for (const exit of exits(found).slice(0, 3))
      list.push({
        title: `Let the branch at ${at} lead to the exit at ${exit}.`,
        edit: { changes: [{ at, remove: 1, insert: [aimedAt({ insn }, exit)] }] },
        turnsBranch: true,
      });
  const opposite = OPPOSITE[opOf(insn)];
  if (opposite !== undefined) {
    const turned = { ...insn, opcode: (insn.opcode & 0x0f) | opposite };
    const edit = { changes: [{ at, remove: 1, insert: [aimedAt({ insn: turned }, jumpTarget(insn, at))] }] };
    list.unshift({ title: `Test the opposite in the branch at ${at}.`, edit, turnsBranch: true });
  }
  return list;
}

/** A loop that ends for the verifier: `may_goto` leaves it after some millions of rounds. */
function loopCandidates(found: Diagnosis): Candidate[] {
  const at = found.trace.insnIdx;
  const { kernel } = found.trace.env.options;
  if (at === null || (kernel !== '6.12' && kernel !== '6.18')) return [];
  const { path } = found.trace;
  const start = path.lastIndexOf(at, path.length - 2);
  const heads = start < 0 ? [at] : [at, Math.min(...path.slice(start))];
  return [...new Set(heads)].map((head) => ({
    title: `Let the loop at instruction ${head} end after at most 8 million rounds (may_goto).`,
    edit: before(head, [make(JCOND_OP, 0, 0, 1), make(JMP, 0, 0, 2), ...leave(found)]),
  }));
}

function returnCandidates(found: Diagnosis): Candidate[] {
  const at = found.trace.insnIdx!;
  const value = neutralReturn(found);
  const range = /should have been in \[(-?\d+), (-?\d+)\]/.exec(found.message);
  const list: Candidate[] = [];
  const isScalar = found.walked && /should have been in/.test(found.message);
  if (range && isScalar && Number(range[1]) === 0 && Number(range[2]) > 0) {
    const max = Number(range[2]);
    list.push({ title: `Return ${value} when r0 is above ${max}.`, edit: before(at, [ifImm(JLE, 0, max, 1), movImm(0, value)]) });
    if ((max & (max + 1)) === 0) list.push({ title: `Mask r0 with ${max}.`, edit: before(at, [andImm(0, max)]) });
  }
  const fixed = range ? Math.max(Number(range[1]), Math.min(value, Number(range[2]))) : value;
  list.push({ title: `Return ${fixed}.`, edit: before(at, [movImm(0, fixed)]) });
  return list;
}

/** A context pointer where the helper wants one: from a register that still has it. */
function contextCandidates(found: Diagnosis): Candidate[] {
  const at = found.trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  const regs = found.trace.state?.frame.regs;
  if (!regs || reg < 0 || !/expected=ctx/.test(found.message)) return [];
  const copy = [6, 7, 8, 9, 1, 2, 3, 4, 5].find((r) => r !== reg && regs[r * REG + TYPE] === CTX);
  return copy === undefined ? [] : [{ title: `Pass the context that r${copy} holds.`, edit: before(at, [movReg(reg, copy)]) }];
}

/** Edits that may mend the program, most faithful first; none is offered before the verifier has accepted it. */
export function candidates(found: Diagnosis): Candidate[] {
  if (/combined stack size/.test(found.message)) return packedFrames(found);
  if (found.trace.insnIdx === null || !found.trace.program.insns[found.trace.insnIdx]) return [];
  if (found.class === 'complexity') return loopCandidates(found);
  if (!found.walked) return [];
  return [...ofClass(found), ...(REDIRECTED.has(found.class) || /mem access 'scalar'/.test(found.message) ? redirected(found) : [])];
}

/** Where a path that should have left earlier is a likely cause. */
const REDIRECTED: ReadonlySet<string> = new Set([
  'null-check',
  'packet-check',
  'index',
  'sign',
  'clobbered',
  'uninitialised',
  'provenance',
]);

function ofClass(found: Diagnosis): Candidate[] {
  switch (found.class) {
    case 'null-check':
      return nullCandidates(found);
    case 'packet-check':
      return [...packetCandidates(found), ...movedAccess(found)];
    case 'index':
    case 'sign':
    case 'pointer-arithmetic':
    case 'stack':
      return [...boundCandidates(found), ...movedAccess(found)];
    case 'clobbered':
    case 'uninitialised':
    case 'provenance':
      return registerCandidates(found);
    case 'return-range':
      return returnCandidates(found);
    case 'reference':
    case 'section':
      return releaseCandidates(found);
    case 'wrong-type':
      return /mem access 'scalar'/.test(found.message) ? registerCandidates(found) : contextCandidates(found);
    default:
      return [];
  }
}
