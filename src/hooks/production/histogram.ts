/**
 * Buckets of a time in ns: below 8 a bucket for each number, above that eight of equal width between a power of two and the next, so that a bucket is never wider
 * than an eighth of its lower end. All of 64 bits have one.
 */
export const SUB_BITS = 3;
const SUB = 1 << SUB_BITS;
/** A power of two, so that a mask proves an index. */
export const BUCKETS = 512;

/** Bucket of a whole number of ns below 2^53. */
export function bucketOf(ns: number): number {
  if (ns < SUB) return ns;
  const exponent = Math.floor(Math.log2(ns));
  // log2 of a number just below a power of two may round up to it.
  const e = 2 ** exponent > ns ? exponent - 1 : exponent;
  return (e - SUB_BITS + 1) * SUB + (Math.floor(ns / 2 ** (e - SUB_BITS)) % SUB);
}

/** Least number of ns in a bucket; the next one's is the least that is not. */
export function bucketStart(bucket: number): number {
  if (bucket < SUB) return bucket;
  const e = Math.floor(bucket / SUB) + SUB_BITS - 1;
  return (SUB + (bucket % SUB)) * 2 ** (e - SUB_BITS);
}

/** Largest whole number of ns in a bucket. */
export const bucketEnd = (bucket: number): number => bucketStart(bucket + 1) - 1;

/** Events by bucket, of all processors together; `value` is what a lookup of map `latency` gives. */
export function readHistogram(value: Uint8Array): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const counts = new Array<number>(BUCKETS).fill(0);
  for (let at = 0; at < value.length; at += 8) counts[(at / 8) % BUCKETS]! += Number(view.getBigUint64(at, true));
  return counts;
}

/** Upper end of the bucket in which the event lies that a share `q` of all events are not slower than; null without events. */
export function percentile(counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  const wanted = Math.max(1, Math.ceil(q * total));
  let seen = 0;
  for (const [bucket, n] of counts.entries()) {
    seen += n;
    if (seen >= wanted) return bucketEnd(bucket);
  }
  return null;
}
