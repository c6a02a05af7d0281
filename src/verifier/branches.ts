import { classOf, JA, JCOND, JEQ, JGE, JGT, JLE, JLT, JMP, JMP32, JNE, opOf, X } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { pushHistory, readReg } from './args.ts';
import { EACCES, EFAULT, EINVAL, type Env } from './env.ts';
import { wouldLeak } from './leaks.ts';
import { isLocalObject, keepsId } from './local-objects.ts';
import { findPrevEntry, widenImprecise } from './loops.ts';
import { pushPath } from './paths.ts';
import { markPrecise } from './precision.ts';
import { boundsRepair, boundsSync, zeroExtend32 } from './range.ts';
import { rangeRules } from './range-rules.ts';
import { branchTaken, refineNotTaken, refineTaken } from './refine.ts';
import { refineSigns } from './refine-signs.ts';
import { releaseReference } from './refs.ts';
import {
  ADD_CONST,
  ADD_CONST32,
  AT_PKT_END,
  AUX,
  AUX2,
  BEYOND_PKT_END,
  BTF_ID,
  baseType,
  clearId,
  copyReg,
  ID,
  isConst,
  isPacketAny,
  MAP_PTR,
  MAP_VALUE,
  MAYBE_NULL,
  markConst,
  OFF,
  PACKET,
  PACKET_END,
  PACKET_META,
  REF,
  REG,
  type Regs,
  SCALAR,
  SOCKET,
  STACK,
  TYPE,
  UMAX_HI,
  UMAX_LO,
  VALUE_HI,
  VALUE_LO,
  XDP_SOCK,
} from './reg.ts';
import { scalarAdd } from './scalar.ts';
import { pushMispredicted } from './spectre.ts';
import { FP, isSpilled, linkFrame, linkIndex, linkIsReg, packLink, STEP_DST_STACK, STEP_SRC_STACK, type State } from './state.ts';

const MAX_LINKS = 6;
const NO_LINKS: number[] = [];
const MAX_PACKET_OFF = 0xffff;
const MAP_XSK = 17;
const MAP_SOCK = 15;
const MAP_SOCKHASH = 18;

/** The immediate operand as a scalar, for either outcome; what `markConst` does not set stays 0. */
const immA = new Int32Array(REG);
const immB = new Int32Array(REG);

/** A conditional jump: follows the way that is certain, or both, each with what it teaches (kernel `check_cond_jmp_op`). */
export function checkCondJump(env: Env, insn: Insn): void {
  const op = opOf(insn);
  if (op === JA || op > JCOND || (op === JCOND && !env.rules.mayGoto))
    env.fail(EINVAL, `invalid BPF_JMP/JMP32 opcode ${op.toString(16)}\n`);
  if (op === JCOND) {
    checkMayGoto(env, insn);
    return;
  }
  const cur = env.cur;
  const r = cur.frame.regs;
  const d = insn.dst * REG;
  const byReg = (insn.opcode & X) !== 0;
  const is32 = classOf(insn) === JMP32;
  readReg(env, insn.dst);
  let src: Regs = r;
  let s = insn.src * REG;
  let flags = 0;
  if (byReg) {
    if (insn.imm !== 0) env.fail(EINVAL, 'BPF_JMP/JMP32 uses reserved fields\n');
    readReg(env, insn.src);
    if (!(isPacketAny(r[d + TYPE]!) && isPacketAny(r[s + TYPE]!)) && wouldLeak(env, insn.src))
      env.fail(EACCES, `R${insn.src} pointer comparison prohibited\n`);
    if (r[s + TYPE] === STACK) flags |= STEP_SRC_STACK;
  } else {
    if (insn.src !== 0) env.fail(EINVAL, 'BPF_JMP/JMP32 uses reserved fields\n');
    markConst(immA, 0, insn.imm, insn.imm >> 31);
    src = immA;
    s = 0;
  }
  if (r[d + TYPE] === STACK) flags |= STEP_DST_STACK;
  if (flags) pushHistory(env, cur, flags, null);
  const taken = branchTaken(r, d, src, s, op, is32, env.rules.knowsNotNull);
  if (taken >= 0) {
    if (r[d + TYPE] === SCALAR) markPrecise(env, insn.dst);
    if (byReg && r[s + TYPE] === SCALAR) markPrecise(env, insn.src);
    pushMispredicted(env, insn, taken === 1 ? env.insnIdx + 1 : env.insnIdx + insn.off + 1);
    if (env.log.paths) env.printInsnState(cur, cur.curFrame);
    if (taken === 1) env.insnIdx += insn.off;
    return;
  }
  exploreBoth(env, insn, op, is32, byReg, src, s);
}

function exploreBoth(env: Env, insn: Insn, op: number, is32: boolean, byReg: boolean, src: Regs, s: number): void {
  const cur = env.cur;
  const r = cur.frame.regs;
  const d = insn.dst * REG;
  const linked = (byReg && src[s + TYPE] === SCALAR && src[s + ID] !== 0) || (r[d + TYPE] === SCALAR && r[d + ID] !== 0);
  const links: number[] = linked ? [] : NO_LINKS;
  if (byReg && src[s + TYPE] === SCALAR && src[s + ID] !== 0) collectLinks(env, cur, src[s + ID]!, links);
  if (r[d + TYPE] === SCALAR && r[d + ID] !== 0) collectLinks(env, cur, r[d + ID]!, links);
  if (links.length > 1) pushHistory(env, cur, 0, links);
  const other = pushPath(env, env.insnIdx + insn.off + 1, env.insnIdx);
  const or = other.frame.regs;
  if (byReg) {
    refineBoth(env, or, d, or, s, r, d, r, s, op, is32);
    if (src[s + TYPE] === SCALAR && src[s + ID] !== 0) {
      syncLinks(cur, r, s, links);
      syncLinks(other, or, s, links);
    }
  } else {
    copyReg(immB, 0, immA, 0);
    refineBoth(env, or, d, immA, 0, r, d, immB, 0, op, is32);
  }
  if (r[d + TYPE] === SCALAR && r[d + ID] !== 0) {
    syncLinks(cur, r, d, links);
    syncLinks(other, or, d, links);
  }
  if (byReg && !is32 && env.rules.learnsFromEqualPointers) learnFromPointers(env, op, r, or, d, s);
  const nullTest = !byReg && !is32 && insn.imm === 0 && (op === JEQ || op === JNE) && (r[d + TYPE]! & MAYBE_NULL) !== 0;
  if (nullTest) {
    markNullOrNot(env, cur, insn.dst, op === JNE);
    markNullOrNot(env, other, insn.dst, op === JEQ);
  } else {
    const known = byReg && !is32 && matchPacketEnd(op, r, d, s, cur, other, insn);
    if (!known && wouldLeak(env, insn.dst)) env.fail(EACCES, `R${insn.dst} pointer comparison prohibited\n`);
  }
  if (env.log.paths) env.printInsnState(cur, cur.curFrame);
}

function refineBoth(
  env: Env,
  t1: Regs,
  tb1: number,
  t2: Regs,
  tb2: number,
  f1: Regs,
  fb1: number,
  f2: Regs,
  fb2: number,
  op: number,
  is32: boolean,
): void {
  if (f1[fb1 + TYPE] !== SCALAR || f2[fb2 + TYPE] !== SCALAR) return;
  if (rangeRules.signs) {
    refineSigns(t1, tb1, t2, tb2, f1, fb1, f2, fb2, op, is32);
    return;
  }
  refineNotTaken(f1, fb1, f2, fb2, op, is32);
  refineTaken(t1, tb1, t2, tb2, op, is32);
  sane(env, t1, tb1, 'true_reg1');
  sane(env, t2, tb2, 'true_reg2');
  sane(env, f1, fb1, 'false_reg1');
  sane(env, f2, fb2, 'false_reg2');
}

function sane(env: Env, r: Regs, b: number, what: string): void {
  const violation = boundsRepair(r, b);
  if (violation !== null && env.testRegInvariants) env.fail(EFAULT, `REG INVARIANTS VIOLATION (${what}): ${violation}\n`);
}

function addLink(links: number[], id: number, r: Regs, b: number, link: number): void {
  if (r[b + TYPE] !== SCALAR || (r[b + ID]! & ~ADD_CONST) !== id) return;
  if (links.length < MAX_LINKS) links.push(link);
  else clearId(r, b);
}

/** Registers and slots that share a scalar id; those beyond six lose it. Dead registers do not count. */
function collectLinks(env: Env, state: State, id: number, links: number[]): void {
  const plain = id & ~ADD_CONST;
  for (let i = state.curFrame; i >= 0; i--) {
    const frame = state.frames[i]!;
    const live = env.liveRegs[state.insnIdxOf(i)]!;
    for (let j = 0; j < FP; j++) if (live & (1 << j)) addLink(links, plain, frame.regs, j * REG, packLink(i, j, true));
    for (let j = 0; j < frame.slots; j++) if (isSpilled(frame, j)) addLink(links, plain, frame.spills, j * REG, packLink(i, j, false));
  }
}

const delta = new Int32Array(REG);
const known = new Int32Array(REG);

/** Gives linked scalars the value of the one just compared, moved by their distance from it (kernel `sync_linked_regs`). */
function syncLinks(state: State, kr: Regs, kb: number, links: readonly number[]): void {
  for (const link of links) {
    const frame = state.frames[linkFrame(link)]!;
    const r = linkIsReg(link) ? frame.regs : frame.spills;
    const b = linkIndex(link) * REG;
    if (r[b + TYPE] !== SCALAR || (r === kr && b === kb)) continue;
    if ((r[b + ID]! & ~ADD_CONST) !== (kr[kb + ID]! & ~ADD_CONST)) continue;
    // A distance in 32 bits and one in 64 say nothing about each other.
    if (((r[b + ID]! ^ kr[kb + ID]!) & ADD_CONST) === ADD_CONST) continue;
    const exact = !(r[b + ID]! & ADD_CONST) && !(kr[kb + ID]! & ADD_CONST);
    if (exact || r[b + OFF] === kr[kb + OFF]) {
      copyReg(r, b, kr, kb);
    } else {
      const off = r[b + OFF]!;
      const id = r[b + ID]!;
      const diff = off - kr[kb + OFF]!;
      delta.fill(0);
      markConst(delta, 0, diff | 0, Math.floor(diff / 4294967296));
      copyReg(known, 0, kr, kb);
      copyReg(r, b, known, 0);
      r[b + OFF] = off;
      r[b + ID] = id;
      scalarAdd(r, b, delta, 0);
      if ((id | kr[kb + ID]!) & ADD_CONST32) zeroExtend32(r, b);
      if (!rangeRules.plain) boundsSync(r, b);
    }
  }
}

/** Two pointers found equal, of which only one may be null: neither is. */
function learnFromPointers(env: Env, op: number, r: Regs, or: Regs, d: number, s: number): void {
  const dt = r[d + TYPE]!;
  const st = r[s + TYPE]!;
  if (dt === SCALAR || st === SCALAR || (dt & MAYBE_NULL) === (st & MAYBE_NULL)) return;
  if (baseType(dt) === BTF_ID || baseType(st) === BTF_ID) return;
  const equal = op === JEQ ? or : op === JNE ? r : null;
  if (equal) markNotNull(env, equal, st & MAYBE_NULL ? s : d);
}

/** A pointer checked against null (kernel `mark_ptr_not_null_reg`). */
export function markNotNull(env: Env, r: Regs, b: number): void {
  if (baseType(r[b + TYPE]!) !== MAP_VALUE) {
    r[b + TYPE]! &= ~MAYBE_NULL;
    return;
  }
  const map = env.mapAt(r[b + AUX]!);
  if (map.inner) {
    r[b + TYPE] = MAP_PTR;
    r[b + AUX] = ~r[b + AUX]!;
    // Inner maps of different lookups are different maps to timers and work queues.
    r[b + AUX2] = map.inner.fields?.some(({ kind }) => kind === 'bpf_timer' || kind === 'bpf_wq') ? r[b + ID]! : 0;
  } else if (map.type === MAP_XSK || map.type === MAP_SOCK || map.type === MAP_SOCKHASH) {
    r[b + TYPE] = map.type === MAP_XSK ? XDP_SOCK : SOCKET;
    // The kernel leaves the map's address in the register, which makes it another one than a socket from a lookup; 0 is no map.
    r[b + AUX] = r[b + AUX]! + 1;
  } else {
    r[b + TYPE] = MAP_VALUE;
  }
}

function markNullOrNot(env: Env, state: State, regno: number, isNull: boolean): void {
  const regs = state.frame.regs;
  const id = regs[regno * REG + ID]!;
  const ref = regs[regno * REG + REF]!;
  if (ref !== 0 && ref === id && isNull) releaseReference(state, id);
  state.forEachReg((r, b) => {
    if (!(r[b + TYPE]! & MAYBE_NULL) || r[b + ID] !== id || id === 0) return;
    if (!isConst(r, b) || (r[b + VALUE_LO]! | r[b + VALUE_HI]!) !== 0 || (r[b + OFF] !== 0 && !isLocalObject(r[b + TYPE]!))) return;
    if (isNull) {
      r[b + TYPE] = SCALAR;
      r[b + ID] = 0;
      r[b + REF] = 0;
      return;
    }
    markNotNull(env, r, b);
    // A pointer to a value with a lock keeps its id: locking and unlocking must name the same value.
    if (!keepsId(env, r, b)) r[b + ID] = 0;
  });
}

/** All packet pointers with the same id may now be read up to the compared offset (kernel `find_good_pkt_pointers`). */
function goodPacket(state: State, dr: Regs, d: number, open: boolean): void {
  const type = dr[d + TYPE]!;
  const off = dr[d + OFF]!;
  if (off < 0 || (off === 0 && open)) return;
  if (dr[d + UMAX_HI] !== 0) return;
  const umax = dr[d + UMAX_LO]! >>> 0;
  if (umax > MAX_PACKET_OFF || umax + off > MAX_PACKET_OFF) return;
  const range = off + (open ? 1 : 0);
  const id = dr[d + ID]!;
  state.forEachReg((r, b) => {
    if (r[b + TYPE] === type && r[b + ID] === id && r[b + AUX]! < range) r[b + AUX] = range;
  });
}

function markPacketEnd(state: State, regno: number, beyond: boolean): void {
  const b = regno * REG;
  const r = state.frame.regs;
  if (r[b + TYPE] === PACKET) r[b + AUX] = beyond ? BEYOND_PKT_END : AT_PKT_END;
}

const isStart = (r: Regs, b: number): boolean =>
  r[b + TYPE] === PACKET && r[b + ID] === 0 && r[b + OFF] === 0 && isConst(r, b) && (r[b + VALUE_LO]! | r[b + VALUE_HI]!) === 0;

/** A comparison of a packet pointer with the packet's end, or of metadata with the packet's start, in either order. */
function matchPacketEnd(op: number, r: Regs, d: number, s: number, cur: State, other: State, insn: Insn): boolean {
  if (op !== JGT && op !== JLT && op !== JGE && op !== JLE) return false;
  const dt = r[d + TYPE];
  const st = r[s + TYPE];
  const dstFirst = (dt === PACKET && st === PACKET_END) || (dt === PACKET_META && isStart(r, s));
  const srcFirst = (dt === PACKET_END && st === PACKET) || (isStart(r, d) && st === PACKET_META);
  if (!dstFirst && !srcFirst) return false;
  const p = dstFirst ? d : s;
  const regno = dstFirst ? insn.dst : insn.src;
  // Where the pointer is at most the end, its offset is good; where it is below the end, one byte more is.
  const goodWhenTaken = dstFirst ? op === JLT || op === JLE : op === JGT || op === JGE;
  const open = dstFirst ? op === JLT || op === JGE : op === JGT || op === JLE;
  const good = goodWhenTaken ? other : cur;
  const bad = goodWhenTaken ? cur : other;
  goodPacket(good, r, p, open);
  markPacketEnd(bad, regno, !open);
  return true;
}

function checkMayGoto(env: Env, insn: Insn): void {
  const { mayGotoZero } = env.rules;
  if (insn.opcode !== (JMP | JCOND) || insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0 || (insn.off === 0 && !mayGotoZero))
    env.fail(EINVAL, mayGotoZero ? `invalid may_goto imm ${insn.imm}\n` : `invalid may_goto off ${insn.off} imm ${insn.imm}\n`);
  const prev = env.cur.parent ? findPrevEntry(env, env.cur.parent, env.insnIdx) : null;
  const queued = pushPath(env, env.insnIdx + 1, env.insnIdx);
  queued.mayGotoDepth++;
  if (prev) widenImprecise(env, prev, queued);
  env.insnIdx += insn.off;
}
