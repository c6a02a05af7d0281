import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hi, lo, S64, U64, word } from './testing/abstract.ts';
import { fls64, H, mul64, sar64, shl64, shr64, slt, smulOverflows, toBigSigned, toBigUnsigned, ult, umulOverflows } from './w64.ts';

const RUNS = { seed: 1, numRuns: 2000 };
const result = (low: number): bigint => toBigUnsigned(low, H.hi);

it('shifts, multiplies and compares as 64-bit integers do', () => {
  fc.assert(
    fc.property(word, word, fc.nat(63), (a, b, n) => {
      expect(result(shl64(lo(a), hi(a), n))).toBe(U64(a << BigInt(n)));
      expect(result(shr64(lo(a), hi(a), n))).toBe(a >> BigInt(n));
      expect(result(sar64(lo(a), hi(a), n))).toBe(U64(S64(a) >> BigInt(n)));
      expect(result(mul64(lo(a), hi(a), lo(b), hi(b)))).toBe(U64(a * b));
      expect(ult(lo(a), hi(a), lo(b), hi(b))).toBe(a < b);
      expect(slt(lo(a), hi(a), lo(b), hi(b))).toBe(S64(a) < S64(b));
      expect(fls64(lo(a), hi(a))).toBe(a === 0n ? 0 : a.toString(2).length);
    }),
    RUNS,
  );
});

it('knows exactly when a product does not fit', () => {
  const nearRoot = fc
    .tuple(fc.bigInt({ min: -4n, max: 4n }), fc.constantFrom(3037000499n, 4294967295n, 1n << 32n))
    .map(([d, r]) => U64(r + d));
  fc.assert(
    fc.property(fc.oneof(word, nearRoot), fc.oneof(word, nearRoot), (a, b) => {
      const unsigned = a * b;
      expect(umulOverflows(lo(a), hi(a), lo(b), hi(b))).toBe(unsigned >= 1n << 64n);
      if (unsigned < 1n << 64n) expect(toBigUnsigned(H.lo, H.hi)).toBe(unsigned);
      const signed = S64(a) * S64(b);
      const fits = signed === S64(signed);
      expect(smulOverflows(lo(a), hi(a), lo(b), hi(b))).toBe(!fits);
      if (fits) expect(toBigSigned(H.lo, H.hi)).toBe(signed);
    }),
    RUNS,
  );
});
