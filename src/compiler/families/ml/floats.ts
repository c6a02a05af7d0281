/** Single-precision floats by their order: what the comparison of integers must reproduce. */

const words = new DataView(new ArrayBuffer(4));
/** Largest key: plus infinity. */
const INFINITY_KEY = 0x7f80_0000;
export const LEAST_KEY = -INFINITY_KEY;
export const MOST_KEY = INFINITY_KEY;

export function bitsOf(value: number): number {
  words.setFloat32(0, value);
  return words.getUint32(0);
}

/** The integer that `keysKernel` makes of a float32: of the nearest one, for other numbers. */
export function keyOf(value: number): number {
  const bits = bitsOf(value);
  const magnitude = bits & 0x7fff_ffff;
  return bits >>> 31 ? -magnitude : magnitude;
}

/** The float32 of a key. */
export function floatOf(key: number): number {
  words.setUint32(0, key < 0 ? (-key | 0x8000_0000) >>> 0 : key);
  return words.getFloat32(0);
}

/**
 * The first key of `LEAST_KEY … MOST_KEY` for which `holds` is true, where it is false up to some key and true from there on;
 * `MOST_KEY + 1` when it never is.
 */
export function firstKey(holds: (value: number) => boolean): number {
  let low = LEAST_KEY;
  let high = MOST_KEY + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(floatOf(middle))) high = middle;
    else low = middle + 1;
  }
  return low;
}
