/**
 * 64-bit integers as pairs of int32 (low, high). Functions that yield 64 bits return the low half and leave the high half
 * in `H.hi`: the hot path allocates nothing and uses no BigInt.
 */
export const H = { hi: 0, lo: 0 };

export const TWO32 = 2 ** 32;
const TWO53 = 2 ** 53;
const TWO63 = 2 ** 63;
const TWO64 = 2 ** 64;
/** Relative error of a product of two rounded doubles, with room to spare. */
const SLACK = 1 / 2 ** 50;

export function ult(al: number, ah: number, bl: number, bh: number): boolean {
  return ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0;
}

export function slt(al: number, ah: number, bl: number, bh: number): boolean {
  return ah === bh ? al >>> 0 < bl >>> 0 : ah < bh;
}

/** Number of bits up to the highest set one; 0 for 0 (`fls64`). */
export function fls64(lo: number, hi: number): number {
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(lo);
}

export function shl64(lo: number, hi: number, n: number): number {
  if (n === 0) {
    H.hi = hi;
    return lo;
  }
  if (n >= 64) {
    H.hi = 0;
    return 0;
  }
  if (n >= 32) {
    H.hi = lo << (n - 32);
    return 0;
  }
  H.hi = (hi << n) | (lo >>> (32 - n));
  return lo << n;
}

export function shr64(lo: number, hi: number, n: number): number {
  if (n === 0) {
    H.hi = hi;
    return lo;
  }
  if (n >= 64) {
    H.hi = 0;
    return 0;
  }
  if (n >= 32) {
    H.hi = 0;
    return (hi >>> (n - 32)) | 0;
  }
  H.hi = (hi >>> n) | 0;
  return (lo >>> n) | (hi << (32 - n));
}

export function sar64(lo: number, hi: number, n: number): number {
  if (n === 0) {
    H.hi = hi;
    return lo;
  }
  if (n >= 32) {
    H.hi = hi >> 31;
    return hi >> Math.min(n - 32, 31);
  }
  H.hi = hi >> n;
  return (lo >>> n) | (hi << (32 - n));
}

/** Low 64 bits of a product. */
export function mul64(al: number, ah: number, bl: number, bh: number): number {
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const p00 = a0 * b0;
  const p01 = a0 * b1;
  const p10 = a1 * b0;
  const mid = p01 + (p00 >>> 16) + (p10 & 0xffff);
  const hi = a1 * b1 + Math.floor(mid / 65536) + (p10 >>> 16);
  H.hi = (hi + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
  return Math.imul(al, bl);
}

export function toUnsigned(lo: number, hi: number): number {
  return (hi >>> 0) * TWO32 + (lo >>> 0);
}

export function toSigned(lo: number, hi: number): number {
  return hi * TWO32 + (lo >>> 0);
}

/** Unsigned product into `H`; true when it does not fit 64 bits. */
export function umulOverflows(al: number, ah: number, bl: number, bh: number): boolean {
  const p = toUnsigned(al, ah) * toUnsigned(bl, bh);
  if (p >= TWO64 * (1 + SLACK)) return true;
  if (p > TWO64 * (1 - SLACK)) {
    const exact = toBigUnsigned(al, ah) * toBigUnsigned(bl, bh);
    if (exact >= 1n << 64n) return true;
  }
  H.lo = mul64(al, ah, bl, bh);
  return false;
}

/** Signed product into `H`; true when it does not fit 64 bits. */
export function smulOverflows(al: number, ah: number, bl: number, bh: number): boolean {
  const p = toSigned(al, ah) * toSigned(bl, bh);
  if (p > -TWO53 && p < TWO53) {
    H.lo = p | 0;
    H.hi = Math.floor(p / TWO32) | 0;
    return false;
  }
  if (p >= TWO63 * (1 + SLACK) || p <= -TWO63 * (1 + SLACK)) return true;
  if (p > TWO63 * (1 - SLACK) || p < -TWO63 * (1 - SLACK)) {
    const exact = toBigSigned(al, ah) * toBigSigned(bl, bh);
    if (exact !== BigInt.asIntN(64, exact)) return true;
  }
  H.lo = mul64(al, ah, bl, bh);
  return false;
}

/** For formatted rows, tests and the rare exact comparison only. */
export function toBigUnsigned(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export function toBigSigned(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}
