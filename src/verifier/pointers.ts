import { ALU_SYMBOLS } from '../bpf/disasm.ts';
import { ADD, ALU64, AND, classOf, OR, opOf, SUB, XOR } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { EACCES, EINVAL, type Env, MAX_VAR_OFF } from './env.ts';
import { boundsSync } from './range.ts';
import {
  AUX,
  AUX2,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  copyReg,
  DYNPTR,
  FLOW_KEYS,
  FUNC,
  ID,
  INT_MAX,
  INT_MIN,
  isConst,
  isPacket,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MAYBE_NULL,
  MEMORY,
  markUnknown,
  OFF,
  PACKET,
  PACKET_META,
  REG,
  type Regs,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TP_BUFFER,
  TYPE,
  typeName,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  UNTRUSTED,
  unbound32,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { commitMask, maskPointer, needsMask } from './spectre.ts';
import { tnumAdd, tnumCopy, tnumSub } from './tnum.ts';
import { slt, toBigSigned, toSigned, ult } from './w64.ts';

/** Pointer plus or minus a scalar (kernel `adjust_ptr_min_max_vals`). */
const MOVABLE = new Set([CTX, MAP_VALUE, MAP_KEY, STACK, PACKET_META, PACKET, TP_BUFFER, BTF_ID, MEMORY, BUF, FUNC, DYNPTR]);

const isInt32 = (x: number): boolean => x >= -2147483648 && x <= 2147483647;

/** Offsets that keep a pointer within reach (kernel `check_reg_sane_offset`). */
function checkSaneOffset(env: Env, r: Regs, b: number, type: number): void {
  const smin = toSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
  if (isConst(r, b)) {
    const value = toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!);
    if (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) {
      const exact = toBigSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!);
      env.fail(EINVAL, `math between ${typeName(type)} pointer and ${exact} is not allowed\n`);
    }
  }
  const off = r[b + OFF]!;
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF) env.fail(EINVAL, `${typeName(type)} pointer offset ${off} is not allowed\n`);
  if (r[b + SMIN_HI] === INT_MIN && r[b + SMIN_LO] === 0)
    env.fail(EINVAL, `math between ${typeName(type)} pointer and register with unbounded min value is not allowed\n`);
  if (smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF) {
    const exact = toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
    env.fail(EINVAL, `value ${exact} makes ${typeName(type)} pointer be out of bounds\n`);
  }
}

const ptr = new Int32Array(REG);
const scalar = new Int32Array(REG);

/** Register `dst` becomes `ptrRegno` ± the scalar at `s`; either may be `dst` itself. */
export function adjustPointer(env: Env, insn: Insn, p: Regs, pb: number, s: Regs, sb: number, scalarIsDst: boolean): void {
  copyReg(ptr, 0, p, pb);
  copyReg(scalar, 0, s, sb);
  const dst = insn.dst;
  const r = env.regs;
  const d = dst * REG;
  const op = opOf(insn);
  const known = isConst(scalar, 0);
  const type = ptr[TYPE]!;
  if (contradictory(known)) {
    markUnknown(r, d);
    return;
  }
  if (classOf(insn) !== ALU64) {
    if (op === SUB && env.rules.leaksPointers) {
      markUnknown(r, d);
      return;
    }
    env.fail(EACCES, `R${dst} 32-bit pointer arithmetic prohibited\n`);
  }
  if (type & MAYBE_NULL) env.fail(EACCES, `R${dst} pointer arithmetic on ${typeName(type)} prohibited, null-check it first\n`);
  const base = baseType(type);
  if (base === MEMORY && type & UNTRUSTED) return;
  const zeroAdd = known && (scalar[VALUE_LO]! | scalar[VALUE_HI]!) === 0 && op === ADD;
  const allowed = MOVABLE.has(base) || (base === FLOW_KEYS && known) || (base === MAP_PTR && zeroAdd) || (base === FLOW_KEYS && zeroAdd);
  if (!allowed) env.fail(EACCES, `R${dst} pointer arithmetic on ${typeName(type)} prohibited\n`);
  checkSaneOffset(env, scalar, 0, type);
  checkSaneOffset(env, ptr, 0, type);
  const mask = needsMask(insn) ? maskPointer(env, insn, ptr, scalar, scalarIsDst) : null;
  r[d + TYPE] = type;
  r[d + ID] = ptr[ID]!;
  unbound32(r, d);
  if (op === ADD) addOffset(env, r, d, known);
  else if (op === SUB) subtractOffset(env, r, d, known, dst, scalarIsDst);
  else if (op === AND || op === OR || op === XOR)
    env.fail(EACCES, `R${dst} bitwise operator ${ALU_SYMBOLS[op >> 4]} on pointer prohibited\n`);
  else env.fail(EACCES, `R${dst} pointer arithmetic with ${ALU_SYMBOLS[op >> 4]} operator prohibited\n`);
  checkSaneOffset(env, r, d, type);
  boundsSync(r, d);
  if (mask) commitMask(env, insn, mask);
}

/** A scalar whose bounds contradict each other comes from code that cannot run. */
function contradictory(known: boolean): boolean {
  const smin = [scalar[SMIN_LO]!, scalar[SMIN_HI]!] as const;
  const smax = [scalar[SMAX_LO]!, scalar[SMAX_HI]!] as const;
  const umin = [scalar[UMIN_LO]!, scalar[UMIN_HI]!] as const;
  const umax = [scalar[UMAX_LO]!, scalar[UMAX_HI]!] as const;
  if (known && (smin[0] !== smax[0] || smin[1] !== smax[1] || umin[0] !== umax[0] || umin[1] !== umax[1])) return true;
  return slt(smax[0], smax[1], smin[0], smin[1]) || ult(umax[0], umax[1], umin[0], umin[1]);
}

function copyBounds(r: Regs, d: number): void {
  for (let i = SMIN_LO; i <= UMAX_HI; i++) r[d + i] = ptr[i]!;
  tnumCopy(r, d, ptr, 0);
}

interface Wide {
  lo: number;
  hi: number;
}

function add(al: number, ah: number, bl: number, bh: number): Wide & { carry: boolean; overflow: boolean } {
  const lo = (al + bl) | 0;
  const hi = (ah + bh + (lo >>> 0 < al >>> 0 ? 1 : 0)) | 0;
  return { lo, hi, carry: ult(lo, hi, al, ah), overflow: ((ah ^ hi) & (bh ^ hi)) < 0 };
}

function sub(al: number, ah: number, bl: number, bh: number): Wide & { overflow: boolean } {
  const lo = (al - bl) | 0;
  const hi = (ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0)) | 0;
  return { lo, hi, overflow: ((ah ^ bh) & (ah ^ hi)) < 0 };
}

function setPair(r: Regs, at: number, min: Wide, max: Wide): void {
  r[at] = min.lo;
  r[at + 1] = min.hi;
  r[at + 2] = max.lo;
  r[at + 3] = max.hi;
}

function addOffset(env: Env, r: Regs, d: number, known: boolean): void {
  const value = toSigned(scalar[SMIN_LO]!, scalar[SMIN_HI]!);
  if (known && isInt32(ptr[OFF]! + value)) {
    copyBounds(r, d);
    r[d + OFF] = ptr[OFF]! + value;
    r[d + AUX] = ptr[AUX]!;
    r[d + AUX2] = ptr[AUX2]!;
    return;
  }
  const smin = add(ptr[SMIN_LO]!, ptr[SMIN_HI]!, scalar[SMIN_LO]!, scalar[SMIN_HI]!);
  const smax = add(ptr[SMAX_LO]!, ptr[SMAX_HI]!, scalar[SMAX_LO]!, scalar[SMAX_HI]!);
  if (smin.overflow || smax.overflow) setPair(r, d + SMIN_LO, { lo: 0, hi: INT_MIN }, { lo: -1, hi: INT_MAX });
  else setPair(r, d + SMIN_LO, smin, smax);
  const umin = add(ptr[UMIN_LO]!, ptr[UMIN_HI]!, scalar[UMIN_LO]!, scalar[UMIN_HI]!);
  const umax = add(ptr[UMAX_LO]!, ptr[UMAX_HI]!, scalar[UMAX_LO]!, scalar[UMAX_HI]!);
  if (umin.carry || umax.carry) setPair(r, d + UMIN_LO, { lo: 0, hi: 0 }, { lo: -1, hi: -1 });
  else setPair(r, d + UMIN_LO, umin, umax);
  tnumCopy(r, d, ptr, 0);
  tnumAdd(r, d, scalar, 0);
  keepIdentity(env, r, d, true);
}

function subtractOffset(env: Env, r: Regs, d: number, known: boolean, dst: number, scalarIsDst: boolean): void {
  if (scalarIsDst) env.fail(EACCES, `R${dst} tried to subtract pointer from scalar\n`);
  if (ptr[TYPE] === STACK) env.fail(EACCES, `R${dst} subtraction from stack pointer prohibited\n`);
  const value = toSigned(scalar[SMIN_LO]!, scalar[SMIN_HI]!);
  if (known && isInt32(ptr[OFF]! - value)) {
    copyBounds(r, d);
    r[d + OFF] = ptr[OFF]! - value;
    r[d + AUX] = ptr[AUX]!;
    r[d + AUX2] = ptr[AUX2]!;
    return;
  }
  const smin = sub(ptr[SMIN_LO]!, ptr[SMIN_HI]!, scalar[SMAX_LO]!, scalar[SMAX_HI]!);
  const smax = sub(ptr[SMAX_LO]!, ptr[SMAX_HI]!, scalar[SMIN_LO]!, scalar[SMIN_HI]!);
  if (smin.overflow || smax.overflow) setPair(r, d + SMIN_LO, { lo: 0, hi: INT_MIN }, { lo: -1, hi: INT_MAX });
  else setPair(r, d + SMIN_LO, smin, smax);
  if (ult(ptr[UMIN_LO]!, ptr[UMIN_HI]!, scalar[UMAX_LO]!, scalar[UMAX_HI]!)) {
    setPair(r, d + UMIN_LO, { lo: 0, hi: 0 }, { lo: -1, hi: -1 });
  } else {
    const umin = sub(ptr[UMIN_LO]!, ptr[UMIN_HI]!, scalar[UMAX_LO]!, scalar[UMAX_HI]!);
    setPair(r, d + UMIN_LO, umin, sub(ptr[UMAX_LO]!, ptr[UMAX_HI]!, scalar[UMIN_LO]!, scalar[UMIN_HI]!));
  }
  tnumCopy(r, d, ptr, 0);
  tnumSub(r, d, scalar, 0);
  keepIdentity(env, r, d, scalar[SMIN_HI]! < 0);
}

/** A packet pointer moved by something unknown is a new pointer; what is known of the range is lost when it may have moved up. */
function keepIdentity(env: Env, r: Regs, d: number, movedUp: boolean): void {
  r[d + OFF] = ptr[OFF]!;
  r[d + AUX] = ptr[AUX]!;
  r[d + AUX2] = ptr[AUX2]!;
  if (!isPacket(ptr[TYPE]!)) return;
  r[d + ID] = env.newId();
  if (movedUp) r[d + AUX] = 0;
}
