import { accessObject } from './btf-access.ts';
import { EACCES, type Env } from './env.ts';
import { checkMapAccess, checkMapAccessType, checkMemAccess, checkPacketAccess, checkRegion, refuseAccess } from './memory.ts';
import { markPrecise } from './precision.ts';
import {
  AUX,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  isConst,
  isNull,
  MAP_KEY,
  MAP_VALUE,
  MAYBE_NULL,
  MEMORY,
  OFF,
  PACKET,
  PACKET_META,
  RDONLY,
  REG,
  SMIN_HI,
  STACK,
  TYPE,
  typeName,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
} from './reg.ts';
import { type Access, checkStackInitialized, type RawAccess } from './stack.ts';
import { toBigUnsigned, toUnsigned } from './w64.ts';

const MAX_SIZE = 1 << 29;

/** `size` bytes that a helper reads or writes behind a register (kernel `check_helper_mem_access`). */
export function checkHelperMemory(
  env: Env,
  regno: number,
  size: number,
  access: Access,
  zeroSizeAllowed: boolean,
  meta: RawAccess | null,
): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const off = r[b + OFF]!;
  switch (baseType(type)) {
    case PACKET:
    case PACKET_META:
      checkPacketAccess(env, regno, off, size, zeroSizeAllowed);
      return;
    case MAP_KEY:
      if (access === 'write') env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
      checkRegion(env, regno, off, size, env.mapAt(r[b + AUX]!).keySize, false);
      return;
    case MAP_VALUE:
      checkMapAccessType(env, env.mapAt(r[b + AUX]!), off, size, access);
      checkMapAccess(env, regno, off, size, zeroSizeAllowed, false);
      return;
    case MEMORY:
      if (type & RDONLY && access === 'write') env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
      checkRegion(env, regno, off, size, r[b + AUX]! >>> 0, zeroSizeAllowed);
      return;
    case BUF:
      if (type & RDONLY && access === 'write') env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
      return;
    case STACK:
      checkStackInitialized(env, regno, off, size, zeroSizeAllowed, access, meta, true);
      return;
    case BTF_ID:
      if (type & MAYBE_NULL) break;
      accessObject(env, regno, off, size, 'read', -1);
      return;
    case CTX:
      if (env.profile) {
        if (size === 0 && zeroSizeAllowed) return;
        if (size > 0 && env.profile.mayAccess(env.attachType, off, size, access === 'write')) return;
        refuseAccess(env, off, size);
      }
      // In the kernel only a syscall program's context is plain memory.
      if (env.program.progType === 31) {
        if (size === 0) {
          if (zeroSizeAllowed) return;
          env.fail(EACCES, '');
        }
        checkMemAccess(env, env.insnIdx, regno, size - 1, 1, access, -1, false, false);
        return;
      }
  }
  if (zeroSizeAllowed && size === 0 && isNull(r, b)) return;
  env.fail(EACCES, `R${regno} type=${typeName(type)} expected=fp\n`);
}

/** A size argument: the memory before it must hold its largest value (kernel `check_mem_size_reg`). */
export function checkSizeArg(env: Env, regno: number, access: Access, zeroSizeAllowed: boolean, meta: RawAccess): void {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + SMIN_HI]! < 0) env.fail(EACCES, `R${regno} min value is negative, either use unsigned or 'var &= const'\n`);
  const min = toBigUnsigned(r[b + UMIN_LO]!, r[b + UMIN_HI]!);
  if (min === 0n && env.rules.triesZeroSize) checkHelperMemory(env, regno - 1, 0, access, zeroSizeAllowed, isConst(r, b) ? meta : null);
  else if (min === 0n && !zeroSizeAllowed)
    env.fail(
      EACCES,
      `R${regno} invalid zero-sized read: u64=[${min},${BigInt.asIntN(64, toBigUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!))}]\n`,
    );
  const max = toUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!);
  if (max >= MAX_SIZE) env.fail(EACCES, `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'\n`);
  // A size that varies gives no promise that all bytes are written.
  checkHelperMemory(env, regno - 1, max, access, zeroSizeAllowed, isConst(r, b) ? meta : null);
  markPrecise(env, regno);
}
