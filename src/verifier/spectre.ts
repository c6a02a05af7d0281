import { ADD, opOf, SUB, X } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { EACCES, type Env, Rejection } from './env.ts';
import { tnumText } from './format.ts';
import { checkMapAccess } from './memory.ts';
import { pushPath } from './paths.ts';
import {
  copyReg,
  isConst,
  MAP_VALUE,
  markUnknown,
  OFF,
  REG,
  type Regs,
  SMAX_HI,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TYPE,
  UMAX_HI,
  UMAX_LO,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { toSigned, toUnsigned } from './w64.ts';

/**
 * What a program without CAP_PERFMON may not do because a processor that guesses wrong would do it too: pointer arithmetic whose
 * limits cannot be masked, and anything unsafe on the paths that only a wrong guess takes (kernel `sanitize_ptr_alu`).
 */
const NEGATIVE = 1;
const IMMEDIATE = 2;
const MASKS_SRC = 4;
const MASKS_DST = 8;
const NON_POINTER = 16;
const MAX_STACK = 512;

/** Why a mask cannot be made, as the kernel words it. */
const REASONS = {
  bounds: (dst: number, src: number, _op: string, offIsDst: boolean): string =>
    `R${offIsDst ? dst : src} has unknown scalar with mixed signed bounds`,
  type: (dst: number, src: number, _op: string, offIsDst: boolean): string =>
    `R${offIsDst ? src : dst} has pointer with unsupported alu operation`,
  paths: (dst: number, _src: number, op: string): string => `R${dst} tried to ${op} from different maps, paths or scalars`,
  limit: (dst: number, _src: number, op: string): string => `R${dst} tried to ${op} beyond pointer bounds`,
} as const;

type Reason = keyof typeof REASONS;

function refuse(env: Env, insn: Insn, reason: Reason, scalarIsDst = false): never {
  const offIsDst = scalarIsDst && env.rules.namesOffset;
  const text = REASONS[reason](insn.dst, insn.src, opOf(insn) === ADD ? 'add' : 'sub', offIsDst);
  return env.fail(EACCES, `${text}, pointer arithmetic with it prohibited for !root\n`);
}

const canSkip = (env: Env, insn: Insn): boolean => env.rules.bypassesSpectre || (insn.opcode & X) === 0;

export const needsMask = (insn: Insn): boolean => opOf(insn) === ADD || opOf(insn) === SUB;

/** One instruction is masked in one way, whatever path leads to it. */
function agree(env: Env, state: number, limit: number): boolean {
  const masks = env.aluMasks;
  const known = masks.get(env.insnIdx);
  if (known && (known.state !== state || known.limit !== limit)) return false;
  if (state !== 0) masks.set(env.insnIdx, { state, limit });
  return true;
}

/** An addition of two scalars by an instruction that elsewhere adds to a pointer. */
export function maskScalar(env: Env, insn: Insn): void {
  if (!needsMask(insn) || canSkip(env, insn)) return;
  if (!agree(env, NON_POINTER, 0)) refuse(env, insn, 'paths');
}

function limitOf(env: Env, p: Regs, pb: number, toLeft: boolean): number | Reason {
  let max: number;
  let limit: number;
  if (p[pb + TYPE] === STACK) {
    max = MAX_STACK + (toLeft ? 1 : 0);
    limit = -(toSigned(p[pb + VALUE_LO]!, p[pb + VALUE_HI]!) + p[pb + OFF]!);
  } else if (p[pb + TYPE] === MAP_VALUE) {
    max = env.mapAt(p[pb + 2]!).valueSize;
    limit = (toLeft ? toSigned(p[pb + SMIN_LO]!, p[pb + SMIN_HI]!) : toUnsigned(p[pb + UMAX_LO]!, p[pb + UMAX_HI]!)) + p[pb + OFF]!;
  } else {
    return 'type';
  }
  // The limit is an unsigned 32-bit number.
  const wrapped = ((limit % 4294967296) + 4294967296) % 4294967296;
  return wrapped >= max ? 'limit' : wrapped;
}

/** What the first look at an operation found, for the second one after it is done. */
export interface Mask {
  readonly state: number;
  readonly limit: number;
  readonly toLeft: boolean;
}

const NO_MASK: Mask = { state: 0, limit: 0, toLeft: false };

/** Before pointer ± scalar: can it be masked? Also queues the path on which the processor takes the scalar for 0. */
export function maskPointer(env: Env, insn: Insn, p: Regs, s: Regs, scalarIsDst: boolean): Mask {
  if (canSkip(env, insn)) return NO_MASK;
  const known = isConst(s, 0);
  let mask = NO_MASK;
  if (!env.cur.speculative) {
    const negative = s[SMIN_HI]! < 0;
    if (!known && negative !== s[SMAX_HI]! < 0) refuse(env, insn, 'bounds', scalarIsDst);
    const toLeft = opOf(insn) === ADD ? negative : !negative;
    const limit = limitOf(env, p, 0, toLeft);
    if (typeof limit === 'string') refuse(env, insn, limit, scalarIsDst);
    const state = (negative ? NEGATIVE : 0) | (known ? IMMEDIATE : 0) | (scalarIsDst ? MASKS_DST : MASKS_SRC);
    if (!known) env.exploresLimits = true;
    mask = { state, limit, toLeft };
  }
  if (known) return mask;
  const r = env.regs;
  const d = insn.dst * REG;
  const saved = scalarIsDst ? r.slice(d, d + REG) : null;
  if (saved) copyReg(r, d, p, 0);
  pushPath(env, env.insnIdx + 1, env.insnIdx).speculative = true;
  if (saved) r.set(saved, d);
  return mask;
}

/** After it: the result lies in bounds, and the window of the mask is the same on every path (kernel's commit phase). */
export function commitMask(env: Env, insn: Insn, mask: Mask): void {
  if (env.rules.bypassesSpectre) return;
  checkInBounds(env, insn.dst);
  if (!needsMask(insn) || canSkip(env, insn) || env.cur.speculative) return;
  const limit = limitOf(env, env.regs, insn.dst * REG, mask.toLeft);
  if (typeof limit === 'string') refuse(env, insn, limit);
  if (!agree(env, mask.state, Math.abs(mask.limit - limit))) refuse(env, insn, 'paths');
}

/** Pointers to the stack and into map values stay inside at each step, not only where they are used (kernel `sanitize_check_bounds`). */
function checkInBounds(env: Env, dst: number): void {
  const r = env.regs;
  const b = dst * REG;
  if (r[b + TYPE] === STACK) {
    const off = r[b + OFF]! + r[b + VALUE_LO]!;
    if (!isConst(r, b)) env.fail(EACCES, `R${dst} variable stack access prohibited for !root, var_off=${tnumText(r, b)} off=${off}\n`);
    if (off >= 0 || off < -MAX_STACK)
      env.fail(EACCES, `R${dst} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}\n`);
  } else if (r[b + TYPE] === MAP_VALUE) {
    try {
      checkMapAccess(env, dst, r[b + OFF]!, 1, false, false);
    } catch (e) {
      if (!(e instanceof Rejection)) throw e;
      env.fail(EACCES, `R${dst} pointer arithmetic of map value goes out of range, prohibited for !root\n`);
    }
  }
}

/** The way that a branch never goes is explored as the processor might go it, with what was compared forgotten. */
export function pushMispredicted(env: Env, insn: Insn, insnIdx: number): void {
  if (env.rules.bypassesSpectre) return;
  const other = pushPath(env, insnIdx, env.insnIdx);
  other.speculative = true;
  const r = other.frame.regs;
  markUnknown(r, insn.dst * REG);
  if (insn.opcode & X) markUnknown(r, insn.src * REG);
}

const FENCED = new Set([1, 13, 22]);

/** Since 6.16 an error that only speculation reaches puts a barrier before the instruction and ends the path there. */
export function endsAtFence(env: Env, e: unknown): boolean {
  if (!(e instanceof Rejection) || !env.cur.speculative || !env.rules.speculationFences || !FENCED.has(e.errno)) return false;
  env.fences.add(env.insnIdx);
  env.aluMasks.delete(env.insnIdx);
  return true;
}
