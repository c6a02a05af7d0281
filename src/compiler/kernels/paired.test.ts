import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { kernelFunc } from './frame.ts';
import { crossOf, crossSum, PAIRED_ZERO, pairedProducts } from './paired.ts';

const COLUMNS = 3;
const OUT = PACK_BYTES + 4096;

/** Sums of products as they lie in memory, by the kernel: what is too much is taken away before. */
function got(words: readonly bigint[], weights: readonly number[]): bigint[] {
  const terms = words.length;
  const bytes = new Uint8Array(Math.ceil((2 * weights.length) / 8) * 8 + 8 * COLUMNS);
  const stored = new DataView(bytes.buffer);
  weights.forEach((w, i) => {
    stored.setUint16(2 * i, w + PAIRED_ZERO, true);
  });
  const constants = bytes.length - 8 * COLUMNS;
  for (let r = 0; r < COLUMNS; r++) stored.setBigInt64(constants + 8 * r, BigInt(crossOf(weights.slice(r * terms, (r + 1) * terms))), true);
  const ports = [
    { space: 'scratch' as const, extent: 8 * terms },
    { space: 'scratch' as const, extent: 8 * COLUMNS },
    { space: 'weights' as const, extent: bytes.length },
  ];
  const kernel = kernelFunc('paired', layoutFor(bytes.length), ports, { origin: 0, pack: false }, ({ b, ptrs }) => {
    const [x, out, w] = ptrs;
    const cross = crossSum(b, x!, terms);
    const sums = Array.from({ length: COLUMNS }, (_, r) => b.sub(b.sub(0, cross), b.load(w!, constants + 8 * r, 8)));
    pairedProducts(b, sums, terms, x!, (r, k) => b.load(w!, 2 * (r * terms + k), 2));
    for (const [r, sum] of sums.entries()) b.store(out!, 8 * r, sum, 8);
  });
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new BigUint64Array(scratch.buffer, PACK_BYTES, terms).set(words);
  const result = runKernel(kernelProgram(kernel, [PACK_BYTES, OUT, 0], bytes), scratch);
  return Array.from({ length: COLUMNS }, (_, r) => result.getBigUint64(OUT + 8 * r, true));
}

test('two terms at one multiplication are the sums of products modulo 2⁶⁴, whatever the words and weights are', () => {
  const word = fc.oneof(fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 32n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const weight = fc.oneof(fc.constantFrom(-32768, -32767, 0, 32767), fc.integer({ min: -32768, max: 32767 }));
  const cases = fc
    .integer({ min: 1, max: 130 })
    .chain((terms) =>
      fc.tuple(
        fc.array(word, { minLength: terms, maxLength: terms }),
        fc.array(weight, { minLength: COLUMNS * terms, maxLength: COLUMNS * terms }),
      ),
    );
  fc.assert(
    fc.property(cases, ([words, weights]) => {
      const wanted = Array.from({ length: COLUMNS }, (_, r) =>
        BigInt.asUintN(
          64,
          words.reduce((sum, x, k) => sum + x * BigInt(weights[r * words.length + k]!), 0n),
        ),
      );
      expect(got(words, weights)).toEqual(wanted);
    }),
    { seed: 14, numRuns: 40 },
  );
});
