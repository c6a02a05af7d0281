import { ALU_SYMBOLS } from '../bpf/disasm.ts';
import {
  ADD,
  ADDR_SPACE_CAST,
  ALU,
  ALU64,
  AND,
  ARSH,
  classOf,
  DIV,
  END,
  LSH,
  MOD,
  MOV,
  MUL,
  NEG,
  OR,
  opOf,
  RSH,
  SUB,
  X,
  XOR,
} from '../bpf/insn.ts';
import { MAP_TYPE_ARENA } from '../bpf/maps.ts';
import type { Insn } from '../bpf/program.ts';
import { clobberReg, readReg, shareId, writeReg } from './args.ts';
import { EACCES, EFAULT, EINVAL, type Env } from './env.ts';
import { wouldLeak } from './leaks.ts';
import { pushPath } from './paths.ts';
import { adjustPointer } from './pointers.ts';
import { markPrecise } from './precision.ts';
import { boundsRepair, boundsSync, coerceSubregToSizeSigned, coerceToSize, coerceToSizeSigned, zeroExtend32 } from './range.ts';
import { rangeRules } from './range-rules.ts';
import { boundsContradict } from './range-signs.ts';
import {
  ADD_CONST,
  ADD_CONST32,
  ADD_CONST64,
  ARENA,
  clearId,
  copyReg,
  FRAMENO,
  ID,
  INT_MIN,
  isConst,
  isConst32,
  isConstScalar,
  markConst,
  markKnown,
  markKnown32,
  markUnknown,
  OFF,
  PRECISE,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  unbound,
  VALUE_HI,
  VALUE_LO,
  widthOf,
} from './reg.ts';
import {
  scalarAdd,
  scalarAnd,
  scalarArsh32,
  scalarArsh64,
  scalarLsh32,
  scalarLsh64,
  scalarMul,
  scalarNeg,
  scalarOr,
  scalarRsh32,
  scalarRsh64,
  scalarSub,
  scalarXor,
} from './scalar.ts';
import { maskScalar } from './spectre.ts';
import { tnumByteSwap } from './tnum.ts';

/** An ALU instruction: checks its fields and operands and computes the result (kernel `check_alu_op`). */
export function checkAlu(env: Env, insn: Insn): void {
  const op = opOf(insn);
  if (op === END || op === NEG) checkUnary(env, insn, op);
  else if (op === MOV) checkMove(env, insn);
  else if (op > END) env.fail(EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}\n`);
  else checkBinary(env, insn, op);
  const violation = boundsRepair(env.regs, insn.dst * REG);
  if (violation !== null && env.testRegInvariants) env.fail(EFAULT, `REG INVARIANTS VIOLATION (alu): ${violation}\n`);
}

function checkUnary(env: Env, insn: Insn, op: number): void {
  const isAlu64 = classOf(insn) === ALU64;
  const byReg = (insn.opcode & X) !== 0;
  if (op === NEG) {
    if (byReg || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) env.fail(EINVAL, 'BPF_NEG uses reserved fields\n');
  } else if (insn.src !== 0 || insn.off !== 0 || ![16, 32, 64].includes(insn.imm) || (isAlu64 && byReg)) {
    env.fail(EINVAL, 'BPF_END uses reserved fields\n');
  }
  readReg(env, insn.dst);
  if (wouldLeak(env, insn.dst)) env.fail(EACCES, `R${insn.dst} pointer arithmetic prohibited\n`);
  const r = env.regs;
  const d = insn.dst * REG;
  // Up to 6.12 the result of either is any number.
  if (r[d + TYPE] !== SCALAR || rangeRules.plain) {
    clobberReg(env, insn.dst);
    return;
  }
  writeReg(env, insn.dst);
  if (op === NEG) {
    scalarNeg(r, d);
    if (!isAlu64) zeroExtend32(r, d);
  } else {
    byteSwap(r, d, insn, isAlu64 || byReg);
  }
  boundsSync(r, d);
}

/** `to_be` and `bswap` reverse bytes on a little-endian machine; `to_le` only cuts to the width. */
function byteSwap(r: Regs, d: number, insn: Insn, reverses: boolean): void {
  if (reverses || insn.imm !== 64) clearId(r, d);
  if (reverses) {
    tnumByteSwap(r, d, insn.imm);
    unbound(r, d);
  }
  if (insn.imm !== 64) coerceToSize(r, d, insn.imm / 8);
}

function checkMoveFields(env: Env, insn: Insn): void {
  const { off, imm } = insn;
  if (!env.rules.v4 && (off !== 0 || imm !== 0) && (insn.opcode & X) !== 0) env.fail(EINVAL, 'BPF_MOV uses reserved fields\n');
  if ((insn.opcode & X) === 0) {
    if (insn.src !== 0 || off !== 0) env.fail(EINVAL, 'BPF_MOV uses reserved fields\n');
    return;
  }
  if (classOf(insn) === ALU) {
    if ((off !== 0 && off !== 8 && off !== 16) || imm !== 0) env.fail(EINVAL, 'BPF_MOV uses reserved fields\n');
  } else if (off === ADDR_SPACE_CAST && env.rules.arena) {
    if (imm !== 1 && imm !== 1 << 16) env.fail(EINVAL, 'addr_space_cast insn can only convert between address space 1 and 0\n');
    if (!env.maps.some((m) => m.type === MAP_TYPE_ARENA))
      env.fail(EINVAL, 'addr_space_cast insn can only be used in a program that has an associated arena\n');
  } else if ((off !== 0 && off !== 8 && off !== 16 && off !== 32) || imm !== 0) {
    env.fail(EINVAL, 'BPF_MOV uses reserved fields\n');
  }
}

/** The value is small enough that sign extension from `bits` does not change it. */
function extendsToItself(r: Regs, b: number, bits: number): boolean {
  return r[b + UMAX_HI] === 0 && r[b + UMAX_LO]! >>> 0 < 2 ** (bits - 1);
}

function checkMove(env: Env, insn: Insn): void {
  checkMoveFields(env, insn);
  const byReg = (insn.opcode & X) !== 0;
  if (byReg) readReg(env, insn.src);
  writeReg(env, insn.dst);
  const r = env.regs;
  const d = insn.dst * REG;
  if (!byReg) {
    r[d + FRAMENO] = 0;
    r[d + PRECISE] = 0;
    markConst(r, d, insn.imm, classOf(insn) === ALU64 ? insn.imm >> 31 : 0);
    return;
  }
  const s = insn.src * REG;
  if (classOf(insn) === ALU64) move64(env, insn, r, d, s);
  else move32(env, insn, r, d, s);
}

function move64(env: Env, insn: Insn, r: Regs, d: number, s: number): void {
  if (insn.imm !== 0) {
    markUnknown(r, d);
    if (insn.imm === 1) r[d + TYPE] = ARENA;
  } else if (insn.off === 0) {
    shareId(env, r, s);
    copyReg(r, d, r, s);
  } else if (r[s + TYPE] === SCALAR) {
    const same = extendsToItself(r, s, insn.off);
    if (same) shareId(env, r, s);
    copyReg(r, d, r, s);
    if (!same) clearId(r, d);
    coerceToSizeSigned(r, d, insn.off >> 3);
  } else {
    if (wouldLeak(env, insn.src)) env.fail(EACCES, `R${insn.src} sign-extension part of pointer\n`);
    markUnknown(r, d);
  }
}

function move32(env: Env, insn: Insn, r: Regs, d: number, s: number): void {
  if (wouldLeak(env, insn.src)) env.fail(EACCES, `R${insn.src} partial copy of pointer\n`);
  if (r[s + TYPE] !== SCALAR) {
    markUnknown(r, d);
  } else {
    const same = env.rules.linksMove32 && (insn.off === 0 ? widthOf(r, s) <= 32 : extendsToItself(r, s, insn.off));
    if (same) shareId(env, r, s);
    copyReg(r, d, r, s);
    if (!same) clearId(r, d);
    if (insn.off !== 0) coerceSubregToSizeSigned(r, d, insn.off >> 3);
  }
  zeroExtend32(r, d);
  boundsSync(r, d);
}

function checkBinary(env: Env, insn: Insn, op: number): void {
  const byReg = (insn.opcode & X) !== 0;
  const signedOff = insn.off === 1 && (op === MOD || op === DIV) && env.rules.v4;
  if ((insn.off !== 0 && !signedOff) || (byReg ? insn.imm !== 0 : insn.src !== 0)) env.fail(EINVAL, 'BPF_ALU uses reserved fields\n');
  if (byReg) readReg(env, insn.src);
  readReg(env, insn.dst);
  if ((op === MOD || op === DIV) && !byReg && insn.imm === 0) env.fail(EINVAL, 'div by zero\n');
  if ((op === LSH || op === RSH || op === ARSH) && !byReg) {
    const bits = classOf(insn) === ALU64 ? 64 : 32;
    if (insn.imm < 0 || insn.imm >= bits) env.fail(EINVAL, `invalid shift ${insn.imm}\n`);
  }
  writeReg(env, insn.dst);
  adjust(env, insn, op, byReg);
}

/** The immediate operand as a scalar; what `markConst` does not set stays 0. */
const immediate = new Int32Array(REG);
/** A register that is both operands, as it was. */
const itself = new Int32Array(REG);

/** Sorts out pointers and scalars (kernel `adjust_reg_min_max_vals`). */
function adjust(env: Env, insn: Insn, op: number, byReg: boolean): void {
  const r = env.regs;
  const d = insn.dst * REG;
  if (r[d + TYPE] === ARENA) return;
  // Whatever an arena pointer is added to becomes one, another pointer too.
  if (byReg && r[insn.src * REG + TYPE] === ARENA) {
    copyReg(r, d, r, insn.src * REG);
    return;
  }
  const dstIsPtr = r[d + TYPE] !== SCALAR;
  let src: Regs;
  let s: number;
  if (byReg) {
    src = r;
    s = insn.src * REG;
    if (r[s + TYPE] !== SCALAR) {
      if (dstIsPtr) {
        if (op === SUB && env.rules.leaksPointers) {
          markUnknown(r, d);
          return;
        }
        env.fail(EACCES, `R${insn.dst} pointer ${ALU_SYMBOLS[op >> 4]} pointer prohibited\n`);
      }
      markPrecise(env, insn.dst);
      adjustPointer(env, insn, r, s, r, d, true);
      return;
    }
    if (dstIsPtr) {
      markPrecise(env, insn.src);
      adjustPointer(env, insn, r, d, r, s, false);
      return;
    }
    if (r[d + PRECISE]) markPrecise(env, insn.src);
  } else {
    src = immediate;
    s = 0;
    markConst(immediate, 0, insn.imm, insn.imm >> 31);
    if (dstIsPtr) {
      adjustPointer(env, insn, r, d, immediate, 0, false);
      return;
    }
  }
  const self = byReg && s === d;
  if (self) {
    copyReg(itself, 0, r, d);
    src = itself;
    s = 0;
  }
  const umaxHi = r[d + UMAX_HI]!;
  adjustScalar(env, insn, op, r, d, src, s);
  if (self) clearId(r, d);
  else linkByConstant(env, insn, op, r, d, umaxHi, src, s);
}

/** x + constant stays linked with x: a later bound on one moves to the other (kernel BPF_ADD_CONST). */
function linkByConstant(env: Env, insn: Insn, op: number, r: Regs, d: number, umaxHi: number, src: Regs, s: number): void {
  const alu32 = classOf(insn) === ALU;
  const { linksByConstant } = env.rules;
  if (
    linksByConstant === 'none' ||
    !env.rules.bpfCapable ||
    (linksByConstant === 'add64' && (alu32 || op !== ADD || src[s + VALUE_LO]! < 0))
  ) {
    clearId(r, d);
    return;
  }
  if ((op !== ADD && op !== SUB) || r[d + ID] === 0 || !isConstScalar(src, s, alu32)) {
    clearId(r, d);
    return;
  }
  const value = src[s + VALUE_LO]!;
  const fits = alu32 ? umaxHi === 0 : src[s + VALUE_HI] === value >> 31;
  if (!fits || (op === SUB && value === INT_MIN) || r[d + ID]! & ADD_CONST) {
    clearId(r, d);
    return;
  }
  r[d + ID]! |= alu32 ? ADD_CONST32 : ADD_CONST64;
  r[d + OFF] = op === SUB ? -value : value;
}

/** Operations with an unknown distance or divisor teach nothing (kernel `is_safe_to_compute_dst_reg_range`). */
function isComputable(insn: Insn, op: number, src: Regs, s: number): boolean {
  if (op === DIV || op === MOD) return false;
  if (op !== LSH && op !== RSH && op !== ARSH) return true;
  const alu64 = classOf(insn) === ALU64;
  const known = alu64
    ? isConst(src, s) &&
      src[s + SMIN_LO] === src[s + SMAX_LO] &&
      src[s + SMIN_HI] === src[s + SMAX_HI] &&
      src[s + UMIN_LO] === src[s + UMAX_LO] &&
      src[s + UMIN_HI] === src[s + UMAX_HI]
    : isConst32(src, s) && src[s + S32_MIN] === src[s + S32_MAX] && src[s + U32_MIN] === src[s + U32_MAX];
  return known && src[s + UMAX_HI] === 0 && src[s + UMAX_LO]! >>> 0 < (alu64 ? 64 : 32);
}

/** Up to 6.6: an unknown operand teaches nothing but in sums, differences and `and`; contradictory bounds teach nothing at all. */
function isComputableBySigns(insn: Insn, op: number, src: Regs, s: number): boolean {
  const alu64 = classOf(insn) === ALU64;
  const known = alu64 ? isConst(src, s) : isConst32(src, s);
  if (boundsContradict(src, s, alu64, known)) return false;
  return known || op === ADD || op === SUB || op === AND;
}

function adjustScalar(env: Env, insn: Insn, op: number, r: Regs, d: number, src: Regs, s: number): void {
  const computable = isComputable(insn, op, src, s);
  const bySigns = rangeRules.signs && isComputableBySigns(insn, op, src, s);
  if (bySigns && !computable) {
    // Division, modulo and overlong shifts: a 32-bit result still has no upper half.
    const plain = op === DIV || op === MOD || op === LSH || op === RSH || op === ARSH;
    markUnknown(r, d);
    if (plain && classOf(insn) === ALU) zeroExtend32(r, d);
    boundsSync(r, d);
    return;
  }
  if (rangeRules.signs ? !bySigns : !computable) {
    markUnknown(r, d);
    return;
  }
  maskScalar(env, insn);
  const alu32 = classOf(insn) === ALU;
  const n = src[s + UMIN_LO]!;
  switch (op) {
    case ADD:
      scalarAdd(r, d, src, s);
      break;
    case SUB:
      scalarSub(r, d, src, s);
      break;
    case MUL:
      scalarMul(r, d, src, s);
      break;
    case AND:
      if (env.rules.forksSigns && isConst(src, s)) forkSign(env, insn, r, d);
      scalarAnd(r, d, src, s);
      break;
    case OR:
      if (env.rules.forksSigns && isConst(src, s)) forkSign(env, insn, r, d);
      scalarOr(r, d, src, s);
      break;
    case XOR:
      scalarXor(r, d, src, s);
      break;
    case LSH:
      if (alu32) scalarLsh32(r, d, n);
      else scalarLsh64(r, d, n);
      break;
    case RSH:
      if (alu32) scalarRsh32(r, d, n);
      else scalarRsh64(r, d, n);
      break;
    case ARSH:
      if (alu32) scalarArsh32(r, d, n);
      else scalarArsh64(r, d, n);
      break;
  }
  if (alu32) zeroExtend32(r, d);
  boundsSync(r, d);
}

/** A sign mask, -1 or 0, is explored as two paths that know which (kernel `maybe_fork_scalars`). */
function forkSign(env: Env, insn: Insn, r: Regs, d: number): void {
  const is64 = (r[d + SMIN_LO]! & r[d + SMIN_HI]!) === -1 && (r[d + SMAX_LO]! | r[d + SMAX_HI]!) === 0;
  const is32 = !is64 && r[d + S32_MIN] === -1 && r[d + S32_MAX] === 0;
  if (!is64 && !is32) return;
  const other = pushPath(env, env.insnIdx, env.insnIdx).frame.regs;
  if (is32) {
    markKnown32(other, insn.dst * REG, 0);
    markKnown32(r, d, -1);
  } else {
    markKnown(other, insn.dst * REG, 0, 0);
    markKnown(r, d, -1, -1);
  }
}
