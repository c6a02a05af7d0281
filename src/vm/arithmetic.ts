// 64-bit operations too rare for words of their own in the interpreter's loop. Values are pairs of signed 32-bit words in `r`,
// low word first; results go to `d`.

function toBigInt(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}

function put(r: Int32Array, d: number, value: bigint): void {
  r[d] = Number(BigInt.asIntN(32, value));
  r[d + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** 2^21: pairs with a smaller high word are exact in a double. */
const EXACT_HIGH = 0x200000;

/** Unsigned division and modulo; by zero the quotient is 0 and the remainder the dividend (RFC 9669 section 4.1). */
export function divmod64(r: Int32Array, d: number, s: number, modulo: boolean): void {
  const highA = r[d + 1] >>> 0;
  const highB = r[s + 1] >>> 0;
  const lowB = r[s] >>> 0;
  if (highB === 0 && lowB === 0) {
    if (!modulo) {
      r[d] = 0;
      r[d + 1] = 0;
    }
    return;
  }
  if (highA < EXACT_HIGH && highB < EXACT_HIGH) {
    const a = highA * 4294967296 + (r[d] >>> 0);
    const b = highB * 4294967296 + lowB;
    // The remainder of doubles is exact, so the division after it has no fraction to round.
    const rest = a % b;
    const result = modulo ? rest : (a - rest) / b;
    r[d] = result | 0;
    r[d + 1] = Math.floor(result / 4294967296) | 0;
    return;
  }
  const a = BigInt.asUintN(64, toBigInt(r[d], r[d + 1]));
  const b = BigInt.asUintN(64, toBigInt(r[s], r[s + 1]));
  put(r, d, modulo ? a % b : a / b);
}

/** Signed division and modulo, truncating towards zero; the most negative number over -1 wraps. */
export function sdivmod64(r: Int32Array, d: number, s: number, modulo: boolean): void {
  const b = toBigInt(r[s], r[s + 1]);
  if (b === 0n) {
    if (!modulo) put(r, d, 0n);
    return;
  }
  const a = toBigInt(r[d], r[d + 1]);
  put(r, d, modulo ? a % b : a / b);
}

/** Signed 32-bit division and modulo; the upper half of the result is zero. */
export function sdivmod32(r: Int32Array, d: number, s: number, modulo: boolean): void {
  const b = r[s];
  if (b === 0) {
    if (!modulo) r[d] = 0;
  } else if (modulo) {
    r[d] = b === -1 ? 0 : r[d] % b;
  } else {
    r[d] = (r[d] / b) | 0;
  }
  r[d + 1] = 0;
}

function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** Keeps the low `bits` bits and, if asked to, reverses their bytes (RFC 9669 section 4.2). */
export function byteSwap(r: Int32Array, d: number, bits: number, swap: boolean): void {
  const lo = r[d];
  const hi = r[d + 1];
  if (bits === 64) {
    if (swap) {
      r[d] = swap32(hi);
      r[d + 1] = swap32(lo);
    }
  } else if (bits === 32) {
    r[d] = swap ? swap32(lo) : lo;
    r[d + 1] = 0;
  } else {
    r[d] = swap ? ((lo & 0xff) << 8) | ((lo >>> 8) & 0xff) : lo & 0xffff;
    r[d + 1] = 0;
  }
}

/** -1, 0 or 1 as `a` is below, equal to or above `b`, as unsigned 64-bit numbers. */
export function compareUnsigned(aLo: number, aHi: number, bLo: number, bHi: number): number {
  if (aHi !== bHi) return aHi >>> 0 < bHi >>> 0 ? -1 : 1;
  if (aLo === bLo) return 0;
  return aLo >>> 0 < bLo >>> 0 ? -1 : 1;
}
