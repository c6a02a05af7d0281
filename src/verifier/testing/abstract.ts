import fc from 'fast-check';
import { boundsSync } from '../range.ts';
import {
  MASK_HI,
  MASK_LO,
  markUnknown,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from '../reg.ts';
import { toBigSigned, toBigUnsigned } from '../w64.ts';

export const U64 = (x: bigint): bigint => BigInt.asUintN(64, x);
export const S64 = (x: bigint): bigint => BigInt.asIntN(64, x);
export const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
export const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));

/** 64-bit values that sit at the edges where ranges wrap and signs change, mixed with any others. */
export const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.tuple(fc.constantFrom(0n, 1n << 31n, 1n << 32n, 1n << 63n, 1n << 16n), fc.bigInt({ min: -3n, max: 3n })).map(([a, b]) => U64(a + b)),
  fc.bigInt({ min: -200n, max: 200n }).map(U64),
);

function put(r: Regs, at: number, x: bigint): void {
  r[at] = lo(x);
  r[at + 1] = hi(x);
}

/** An abstract register that holds at least `members`: the tightest bounds and tnum, then loosened as the numbers say. */
export function holding(members: readonly bigint[], loose: readonly number[]): Regs {
  const r = new Int32Array(REG);
  markUnknown(r, 0);
  const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  const u = members.map(U64).sort(ascending);
  const s = members.map(S64).sort(ascending);
  if (loose[0]! & 1) put(r, UMIN_LO, u[0]!);
  if (loose[0]! & 2) put(r, UMAX_LO, u.at(-1)!);
  if (loose[0]! & 4) put(r, SMIN_LO, s[0]!);
  if (loose[0]! & 8) put(r, SMAX_LO, s.at(-1)!);
  const u32 = u.map((x) => Number(x & 0xffffffffn));
  const s32 = u32.map((x) => x | 0);
  if (loose[1]! & 1) r[U32_MIN] = Math.min(...u32);
  if (loose[1]! & 2) r[U32_MAX] = Math.max(...u32);
  if (loose[1]! & 4) r[S32_MIN] = Math.min(...s32);
  if (loose[1]! & 8) r[S32_MAX] = Math.max(...s32);
  if (loose[2]! & 1) {
    const ones = u.reduce((a, b) => a & b);
    const any = u.reduce((a, b) => a | b);
    put(r, VALUE_LO, ones);
    put(r, MASK_LO, any & ~ones);
  }
  boundsSync(r, 0);
  return r;
}

/** A register and the values it must hold. */
export const abstract = fc
  .tuple(fc.array(word, { minLength: 1, maxLength: 3 }), fc.tuple(fc.nat(15), fc.nat(15), fc.nat(1)))
  .map(([members, loose]) => ({ members, reg: holding(members, loose) }));

/** Why a value lies outside of a register's view, or ''. */
export function misses(r: Regs, value: bigint, b = 0): string {
  const u = U64(value);
  const s = S64(value);
  const u32 = Number(u & 0xffffffffn);
  const s32 = u32 | 0;
  const mask = toBigUnsigned(r[b + MASK_LO]!, r[b + MASK_HI]!);
  if ((u & ~mask) !== toBigUnsigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!)) return `tnum misses ${u}`;
  if (u < toBigUnsigned(r[b + UMIN_LO]!, r[b + UMIN_HI]!) || u > toBigUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!))
    return `unsigned range misses ${u}`;
  if (s < toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!) || s > toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!))
    return `signed range misses ${s}`;
  if (u32 < r[b + U32_MIN]! >>> 0 || u32 > r[b + U32_MAX]! >>> 0) return `unsigned 32-bit range misses ${u32}`;
  if (s32 < r[b + S32_MIN]! || s32 > r[b + S32_MAX]!) return `signed 32-bit range misses ${s32}`;
  return '';
}
