import { MEM, modeOf, ST } from '../bpf/insn.ts';
import { pushHistory, shareId } from './args.ts';
import { forgetDeep, isDeep, readDeep, writeDeep } from './deep-stack.ts';
import { destroyDynptr } from './dynptr-slots.ts';
import { EACCES, EFAULT, EINVAL, type Env, MAX_VAR_OFF } from './env.ts';
import { tnumText } from './format.ts';
import { markPrecise } from './precision.ts';
import {
  ARENA,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  clearId,
  copyReg,
  FLOW_KEYS,
  FRAMENO,
  FUNC,
  ID,
  isConst,
  isNull,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MEMORY,
  markConst,
  markUnknown,
  NOT_INIT,
  PACKET,
  PACKET_END,
  PACKET_META,
  REG,
  type Regs,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  SOCK_COMMON,
  SOCKET,
  STACK,
  TCP_SOCK,
  TYPE,
  U32_MAX,
  VALUE_HI,
  VALUE_LO,
  widthOf,
  XDP_SOCK,
} from './reg.ts';
import {
  type Frame,
  isSpilled,
  isSpilledScalar,
  MAX_STACK,
  SLOT_DYNPTR,
  SLOT_INVALID,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  SLOT_ZERO,
  stackStep,
} from './state.ts';
import { toSigned } from './w64.ts';

/** The stack of a frame: what is written, what a read yields, and what may not be touched. */
export type Access = 'read' | 'write';

const spiOf = (off: number): number => (-off - 1) >> 3;

const SPILLABLE = new Set([
  MAP_VALUE,
  STACK,
  CTX,
  PACKET,
  PACKET_META,
  PACKET_END,
  FLOW_KEYS,
  MAP_PTR,
  SOCKET,
  SOCK_COMMON,
  TCP_SOCK,
  XDP_SOCK,
  BTF_ID,
  BUF,
  MEMORY,
  FUNC,
  MAP_KEY,
  ARENA,
]);

const signedMin = (r: Regs, b: number): number => toSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
const signedMax = (r: Regs, b: number): number => toSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!);

/** The access lies within 512 bytes below the frame pointer, or what there is elsewhere than in Linux; the frame grows to hold it (kernel `check_stack_access_within_bounds`). */
export function checkStackBounds(env: Env, regno: number, off: number, size: number, access: Access, isHelper = false): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const indirect = isHelper && env.rules.helpersClobberStack;
  const what = indirect ? ' indirect access to' : access === 'read' ? ' read from' : ' write to';
  const known = isConst(r, b);
  let min: number;
  let max: number;
  if (known) {
    min = toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!) + off;
    max = min + size;
  } else {
    if (signedMax(r, b) >= MAX_VAR_OFF || signedMin(r, b) <= -MAX_VAR_OFF)
      env.fail(EACCES, `invalid unbounded variable-offset${what} stack R${regno}\n`);
    min = signedMin(r, b) + off;
    max = signedMax(r, b) + off + size;
  }
  // What was never written may be read only with CAP_PERFMON.
  const lowest =
    access === 'write' || indirect || env.rules.readsUninitStack ? -(env.profile?.stackBytes ?? MAX_STACK) : -env.frameOf(r, b).slots * 8;
  const errno = min < lowest || min > -1 ? EACCES : max > 0 ? EINVAL : size < 0 ? EFAULT : 0;
  if (errno !== 0) {
    if (known) env.fail(errno, `invalid${what} stack R${regno} off=${off} size=${size}\n`);
    const at = env.rules.tearsSpills ? '' : ` off=${off}`;
    env.fail(errno, `invalid variable-offset${what} stack R${regno} var_off=${tnumText(r, b)}${at} size=${size}\n`);
  }
  growStack(env, env.frameOf(r, b), -min, max);
}

function growStack(env: Env, frame: Frame, size: number, end: number): void {
  const slots = Math.ceil(size / 8);
  if (slots <= frame.slots) return;
  // What lies deeper is no slot (deep-stack.ts).
  if (!isDeep(end - 1)) frame.grow(Math.min(slots, MAX_STACK / 8));
  const sub = env.subprogs[frame.subprogno]!;
  if (sub.stackDepth < slots * 8) sub.stackDepth = slots * 8;
}

/** Slots that calls spill around helpers which keep registers may not be used otherwise (kernel `check_fastcall_stack_contract`). */
function checkFastcall(env: Env, frame: Frame, insnIdx: number, off: number): void {
  const sub = env.subprogs[frame.subprogno]!;
  if (sub.fastcallStackOff <= off || env.fastcallPattern[insnIdx]) return;
  sub.fastcallStackOff = -32768;
  env.fastcallSpills.fill(0, sub.start, sub.end);
  env.fastcallPattern.fill(0, sub.start, sub.end);
}

function miscByte(types: Uint8Array, at: number): void {
  if (types[at] !== SLOT_ZERO && types[at] !== SLOT_INVALID) types[at] = SLOT_MISC;
}

/** Something is known of the scalar (kernel `register_is_bounded`, up to 6.6). */
function isBounded(r: Regs, b: number): boolean {
  for (let i = SMIN_LO; i <= U32_MAX; i++) if (r[b + i] !== anything[i]) return true;
  return false;
}

function saveReg(env: Env, frame: Frame, spi: number, r: Regs, b: number, size: number): void {
  copyReg(frame.spills, spi * REG, r, b);
  const at = spi * 8;
  for (let i = 7; i >= 8 - size; i--) frame.types[at + i] = SLOT_SPILL;
  for (let i = 7 - size; i >= 0; i--) {
    if (!env.rules.spillsAnyScalar && frame.types[at + i] === SLOT_ZERO) frame.types[at + i] = SLOT_MISC;
    miscByte(frame.types, at + i);
  }
}

function isSpecial(type: number): boolean {
  return type === SLOT_SPILL || type === SLOT_DYNPTR || type === SLOT_ITER || type === SLOT_IRQ;
}

/** A slot that held a register and is partly overwritten holds eight bytes of anything. */
function scrub(frame: Frame, spi: number): void {
  const { types } = frame;
  const at = spi * 8;
  if (!isSpecial(types[at + 7]!)) return;
  for (let i = 0; i < 8; i++) if (types[at + i] !== SLOT_INVALID) types[at + i] = SLOT_MISC;
}

const constant = new Int32Array(REG);
const anything = new Int32Array(REG);
markUnknown(anything, 0);

function isStoreImm(env: Env, insnIdx: number): boolean {
  const insn = env.insns[insnIdx]!;
  return (insn.opcode & 7) === ST && modeOf(insn) === MEM;
}

/** Writes register `valueRegno` (or an immediate, -1) to the stack through pointer `ptrRegno`. */
export function writeStack(env: Env, ptrRegno: number, off: number, size: number, valueRegno: number, insnIdx: number): void {
  const r = env.cur.frame.regs;
  const b = ptrRegno * REG;
  const frame = env.frameOf(r, b);
  if (isConst(r, b)) writeFixed(env, frame, off + r[b + VALUE_LO]!, size, valueRegno, insnIdx);
  else writeVariable(env, frame, signedMin(r, b) + off, signedMax(r, b) + off + size, valueRegno, insnIdx);
}

function writeFixed(env: Env, frame: Frame, off: number, size: number, valueRegno: number, insnIdx: number): void {
  if (isDeep(off)) {
    writeDeep(env, frame, off, size, valueRegno, valueRegno >= 0 && SPILLABLE.has(baseType(env.regs[valueRegno * REG + TYPE]!)));
    return;
  }
  const spi = spiOf(off);
  const cur = env.cur.frame;
  const vb = valueRegno * REG;
  const value = valueRegno >= 0 ? cur.regs : null;
  const aligned = off % 8 === 0;
  destroyDynptr(env, frame, spi);
  let flags = stackStep(frame.frameno, spi);
  if (!env.rules.leaksPointers && isSpilled(frame, spi) && size !== 8 && !(env.rules.cutsSpilledScalars && isSpilledScalar(frame, spi)))
    env.fail(EACCES, 'attempt to corrupt spilled pointer on stack\n');
  if (!env.rules.bypassesSpectre)
    fenceWrite(env, frame, spi, off, size, value !== null && SPILLABLE.has(baseType(value[vb + TYPE]!)), insnIdx);
  if (aligned && size === 8) env.stackLive.markWrite(frame.frameno, spi);
  checkFastcall(env, frame, insnIdx, off);
  env.scratchSlot(spi);
  const any = env.rules.spillsAnyScalar;
  const { bpfCapable } = env.rules;
  const spillsValue =
    value && bpfCapable && aligned && value[vb + TYPE] === SCALAR && (any || (isBounded(value, vb) && !isNull(value, vb)));
  if (spillsValue) {
    const fits = widthOf(value, vb) <= 8 * size;
    if (fits && any) shareId(env, value, vb);
    saveReg(env, frame, spi, value, vb, size);
    if (!fits) frame.spills[spi * REG + ID] = 0;
  } else if (!value && bpfCapable && aligned && isStoreImm(env, insnIdx) && (any || env.insns[insnIdx]!.imm !== 0)) {
    const imm = env.insns[insnIdx]!.imm;
    markUnknown(constant, 0);
    markConst(constant, 0, imm, imm >> 31);
    saveReg(env, frame, spi, constant, 0, size);
  } else if (value && SPILLABLE.has(baseType(value[vb + TYPE]!))) {
    if (size !== 8) {
      env.printLine(insnIdx, '; ');
      env.fail(EACCES, 'invalid size of register spill\n');
    }
    if (frame !== cur && value[vb + TYPE] === STACK) env.fail(EINVAL, 'cannot spill pointers to stack into stack frame of the caller\n');
    saveReg(env, frame, spi, value, vb, size);
  } else {
    writeBytes(env, frame, spi, off, size, valueRegno, insnIdx);
    flags = 0;
  }
  if (flags) pushHistory(env, env.cur, flags, null);
}

/** Where a write might be overtaken by a later read, a barrier follows it (kernel Spectre v4); speculation ends there. */
function fenceWrite(env: Env, frame: Frame, spi: number, off: number, size: number, spillsPointer: boolean, insnIdx: number): void {
  let needed = spillsPointer;
  for (let i = 0; i < size && !needed; i++) {
    const type = frame.types[spi * 8 + ((-off - 1 - i) & 7)];
    needed = type !== SLOT_MISC && type !== SLOT_ZERO;
  }
  if (needed) env.writeFences.add(insnIdx);
}

/** A write that leaves no register behind: bytes that are zero or anything. */
function writeBytes(env: Env, frame: Frame, spi: number, off: number, size: number, valueRegno: number, insnIdx: number): void {
  const { types } = frame;
  const at = spi * 8;
  frame.spills[spi * REG + TYPE] = NOT_INIT;
  scrub(frame, spi);
  let type = SLOT_MISC;
  const zero = valueRegno >= 0 ? isNull(env.regs, valueRegno * REG) : isStoreImm(env, insnIdx) && env.insns[insnIdx]!.imm === 0;
  if (zero) {
    markPrecise(env, valueRegno);
    type = SLOT_ZERO;
  }
  const slot = -off - 1;
  for (let i = 0; i < size; i++) types[at + ((slot - i) & 7)] = type;
}

function writeVariable(env: Env, frame: Frame, min: number, max: number, valueRegno: number, insnIdx: number): void {
  const { types, spills } = frame;
  const zero =
    valueRegno >= 0
      ? isNull(env.regs, valueRegno * REG)
      : !env.rules.tearsSpills && isStoreImm(env, insnIdx) && env.insns[insnIdx]!.imm === 0;
  let zeroUsed = false;
  if (isDeep(min)) {
    forgetDeep(frame, min, max);
    min = -MAX_STACK;
  }
  for (let i = min; i < max; i++) destroyDynptr(env, frame, (-i - 1) >> 3);
  const { leaksPointers, readsUninitStack, tearsSpills } = env.rules;
  checkFastcall(env, frame, insnIdx, min);
  for (let i = min; i < max; i++) {
    const slot = -i - 1;
    const spi = slot >> 3;
    const at = spi * 8 + (slot & 7);
    env.scratchSlot(spi);
    const b = spi * REG;
    if (!leaksPointers && types[at] !== SLOT_MISC && types[at] !== SLOT_ZERO)
      env.fail(EINVAL, `spilled ptr in range of var-offset stack write; insn ${insnIdx}, ptr off: ${i}`);
    // Writing a zero over a zero changes nothing.
    if (zero && !tearsSpills && types[at] === SLOT_SPILL && isSpilledScalar(frame, spi) && isNull(spills, b)) {
      zeroUsed = true;
      continue;
    }
    if (!tearsSpills) scrub(frame, spi);
    spills[b + TYPE] = NOT_INIT;
    if (!readsUninitStack && types[at] === SLOT_INVALID)
      env.fail(EINVAL, `uninit stack in range of var-offset write prohibited for !root; insn ${insnIdx}, off: ${i}`);
    let type = SLOT_MISC;
    if (zero && types[at] === SLOT_ZERO) {
      type = SLOT_ZERO;
      zeroUsed = true;
    }
    types[at] = type;
  }
  if (zeroUsed) markPrecise(env, valueRegno);
}

/** Reads the stack through pointer `ptrRegno` into register `dst` (-1: only checked). */
export function readStack(env: Env, ptrRegno: number, off: number, size: number, dst: number): void {
  const r = env.cur.frame.regs;
  const b = ptrRegno * REG;
  const frame = env.frameOf(r, b);
  if (isConst(r, b)) {
    readFixed(env, frame, off + r[b + VALUE_LO]!, size, dst);
    return;
  }
  if (dst < 0)
    env.fail(
      EACCES,
      `variable offset stack pointer cannot be passed into helper function; var_off=${tnumText(r, b)} off=${off} size=${size}\n`,
    );
  checkStackInitialized(env, ptrRegno, off, size, false, 'read', null, false);
  const min = signedMin(r, b) + off;
  if (isDeep(min)) {
    markUnknown(env.regs, dst * REG);
    return;
  }
  readBytes(env, frame, min, signedMax(r, b) + off + size, dst);
  checkFastcall(env, frame, env.insnIdx, min);
}

function readBytes(env: Env, frame: Frame, min: number, max: number, dst: number): void {
  let zeros = 0;
  for (let i = min; i < max; i++) {
    const slot = -i - 1;
    env.scratchSlot(slot >> 3);
    if (frame.types[slot] !== SLOT_ZERO) break;
    zeros++;
  }
  const b = dst * REG;
  if (zeros === max - min) markConst(env.regs, b, 0, 0);
  else markUnknown(env.regs, b);
}

/** Bytes that no plain read may see. */
function isUnreadable(env: Env, type: number): boolean {
  if (type === SLOT_DYNPTR || type === SLOT_ITER || type === SLOT_IRQ) return true;
  if (type === SLOT_INVALID) return !env.rules.readsUninitStack;
  return type === SLOT_SPILL && env.rules.tearsSpills;
}

function readFixed(env: Env, frame: Frame, off: number, size: number, dst: number): void {
  if (isDeep(off)) {
    readDeep(env, frame, off, size, dst);
    return;
  }
  const slot = -off - 1;
  const spi = slot >> 3;
  const { types, spills } = frame;
  const at = spi * 8;
  const sb = spi * REG;
  env.scratchSlot(spi);
  checkFastcall(env, env.cur.frame, env.insnIdx, off);
  env.stackLive.markRead(frame.frameno, env.insnIdx, spi);
  if (!isSpilled(frame, spi)) {
    for (let i = 0; i < size; i++) {
      const type = types[slot - i]!;
      if (isUnreadable(env, type)) env.fail(EACCES, `invalid read from stack off ${off}+${i} size ${size}\n`);
    }
    if (dst >= 0) readBytes(env, frame, off, off + size, dst);
    return;
  }
  let spillSize = 1;
  for (let i = 7; i > 0 && types[at + i - 1] === SLOT_SPILL; i--) spillSize++;
  if (size === 8 && spillSize === 8) {
    if (dst >= 0) copyReg(env.regs, dst * REG, spills, sb);
    else if (!env.rules.leaksPointers && spills[sb + TYPE] !== SCALAR) env.fail(EACCES, `leaking pointer from stack off ${off}\n`);
  } else {
    if (spills[sb + TYPE] !== SCALAR) {
      env.printLine(env.insnIdx, '; ');
      env.fail(EACCES, 'invalid size of register fill\n');
    }
    if (dst < 0) return;
    if (!readPart(env, frame, spi, slot, off, size, spillSize, dst)) return;
  }
  pushHistory(env, env.cur, stackStep(frame.frameno, spi), null);
}

/** A read of some bytes of a spilled scalar. True when the result depends on the scalar itself. */
function readPart(env: Env, frame: Frame, spi: number, slot: number, off: number, size: number, spillSize: number, dst: number): boolean {
  const { types, spills } = frame;
  const sb = spi * REG;
  const regs = env.regs;
  const d = dst * REG;
  // On a little-endian machine a narrower read at the same address yields the low bytes.
  const { narrowFills } = env.rules;
  if ((narrowFills ? size <= spillSize : size === spillSize) && (off & 7) === 0) {
    copyReg(regs, d, spills, sb);
    if (narrowFills && widthOf(spills, sb) > size * 8) clearId(regs, d);
    return true;
  }
  let spilled = 0;
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    const type = types[spi * 8 + ((slot - i) & 7)];
    if (type === SLOT_SPILL) spilled++;
    else if (type === SLOT_ZERO && narrowFills) zeros++;
    else if (type !== SLOT_MISC && (type !== SLOT_INVALID || !env.rules.readsUninitStack))
      env.fail(EACCES, `invalid read from stack off ${off}+${i} size ${size}\n`);
  }
  if (narrowFills && spilled === size && isConst(spills, sb) && (spills[sb + VALUE_LO]! | spills[sb + VALUE_HI]!) === 0) {
    markConst(regs, d, 0, 0);
    return true;
  }
  if (narrowFills && zeros === size) markConst(regs, d, 0, 0);
  else markUnknown(regs, d);
  return false;
}

/** What a helper argument learns on the way through the checks. */
export interface RawAccess {
  /** The helper fills the memory itself: it need not be initialised. */
  rawMode: boolean;
  /** Bytes that the helper fills, to be marked as written after all arguments are checked. */
  accessSize: number;
  regno: number;
}

/** Memory on the stack that a helper, or a read at a variable offset, uses (kernel `check_stack_range_initialized`). */
export function checkStackInitialized(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroSizeAllowed: boolean,
  access: Access,
  meta: RawAccess | null,
  isHelper: boolean,
): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  if (size === 0 && !zeroSizeAllowed) env.fail(EACCES, 'invalid zero-sized read\n');
  checkStackBounds(env, regno, off, size, access, isHelper);
  const frame = env.frameOf(r, b);
  const known = isConst(r, b);
  if (!known && !env.rules.bypassesSpectre) {
    const indirect = isHelper && env.rules.helpersClobberStack ? ' indirect' : '';
    env.fail(EACCES, `R${regno}${indirect} variable offset stack access prohibited for !root, var_off=${tnumText(r, b)}\n`);
  }
  const min = (known ? toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!) : signedMin(r, b)) + off;
  const max = (known ? min : signedMax(r, b) + off) + size;
  if (meta?.rawMode && known) {
    for (let i = min; i < max; i++) {
      const slot = -i - 1;
      if (frame.slots * 8 > slot && frame.types[slot] === SLOT_DYNPTR)
        env.fail(EACCES, `potential write to dynptr at off=${i} disallowed\n`);
    }
    meta.accessSize = size;
    meta.regno = regno;
    return;
  }
  const clobber = access === 'write' || (isHelper && env.rules.helpersClobberStack);
  const { types } = frame;
  if (clobber && isDeep(min)) forgetDeep(frame, min, max);
  for (let i = Math.max(min, -MAX_STACK); i < max; i++) {
    const slot = -i - 1;
    const spi = slot >> 3;
    const type = types[slot];
    if (type === SLOT_MISC) {
      // Any value: nothing to forget.
    } else if (type === SLOT_ZERO || (type === SLOT_INVALID && env.rules.readsUninitStack)) {
      if (clobber) types[slot] = SLOT_MISC;
    } else if (isSpilled(frame, spi) && (env.rules.leaksPointers || frame.spills[spi * REG + TYPE] === SCALAR)) {
      if (clobber) {
        markUnknown(frame.spills, spi * REG);
        for (let j = 0; j < 8; j++) if (types[spi * 8 + j] !== SLOT_INVALID) types[spi * 8 + j] = SLOT_MISC;
      }
    } else {
      const indirect = isHelper && env.rules.helpersClobberStack ? ' indirect' : '';
      if (known) env.fail(EACCES, `invalid${indirect} read from stack R${regno} off ${min}+${i - min} size ${size}\n`);
      env.fail(EACCES, `invalid${indirect} read from stack R${regno} var_off ${tnumText(r, b)}+${i - min} size ${size}\n`);
    }
    env.stackLive.markRead(r[b + FRAMENO]!, env.insnIdx, spi);
  }
}
