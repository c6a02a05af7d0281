import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MASK_HI, MASK_LO, REG, type Regs, VALUE_HI, VALUE_LO } from './reg.ts';
import { hi, lo, U64, word } from './testing/abstract.ts';
import {
  setTnum,
  tnumAdd,
  tnumAnd,
  tnumByteSwap,
  tnumCast,
  tnumIn,
  tnumIntersect,
  tnumLsh,
  tnumMul,
  tnumOr,
  tnumOverlap,
  tnumRange,
  tnumRsh,
  tnumStep,
  tnumSub,
  tnumXor,
} from './tnum.ts';
import { H, toBigUnsigned } from './w64.ts';

const RUNS = { seed: 1, numRuns: 1500 };

interface Tnum {
  readonly v: bigint;
  readonly m: bigint;
}

const tnum = fc.tuple(word, word).map(([v, m]): Tnum => ({ v: v & ~m, m }));
const reg = (t: Tnum): Regs => {
  const r = new Int32Array(REG);
  setTnum(r, 0, lo(t.v), hi(t.v), lo(t.m), hi(t.m));
  return r;
};
const read = (r: Regs): Tnum => ({
  v: toBigUnsigned(r[VALUE_LO]!, r[VALUE_HI]!),
  m: toBigUnsigned(r[MASK_LO]!, r[MASK_HI]!),
});
const run = (op: (d: Regs, db: number, s: Regs, sb: number) => void, a: Tnum, b: Tnum): Tnum => {
  const d = reg(a);
  op(d, 0, reg(b), 0);
  return read(d);
};
const has = (t: Tnum, x: bigint): boolean => (U64(x) & ~t.m) === t.v;
/** A member: known bits, and the given ones where nothing is known. */
const member = (t: Tnum, bits: bigint): bigint => t.v | (bits & t.m);

/** The published definitions, on BigInt. */
const defined: Readonly<Record<string, (a: Tnum, b: Tnum) => Tnum>> = {
  add: (a, b) => {
    const sv = U64(a.v + b.v);
    const m = (U64(U64(a.m + b.m) + sv) ^ sv) | a.m | b.m;
    return { v: sv & ~m, m };
  },
  sub: (a, b) => {
    const dv = U64(a.v - b.v);
    const m = (U64(dv + a.m) ^ U64(dv - b.m)) | a.m | b.m;
    return { v: dv & ~m, m };
  },
  and: (a, b) => ({ v: a.v & b.v, m: (a.v | a.m) & (b.v | b.m) & ~(a.v & b.v) }),
  or: (a, b) => ({ v: a.v | b.v, m: (a.m | b.m) & ~(a.v | b.v) }),
  xor: (a, b) => ({ v: (a.v ^ b.v) & ~(a.m | b.m), m: a.m | b.m }),
};

const OPS = [
  ['add', tnumAdd, (x: bigint, y: bigint) => x + y],
  ['sub', tnumSub, (x: bigint, y: bigint) => x - y],
  ['and', tnumAnd, (x: bigint, y: bigint) => x & y],
  ['or', tnumOr, (x: bigint, y: bigint) => x | y],
  ['xor', tnumXor, (x: bigint, y: bigint) => x ^ y],
  ['mul', tnumMul, (x: bigint, y: bigint) => x * y],
] as const;

describe('tristate numbers', () => {
  it.each(OPS)('%s holds every result, and is the published operation', (name, op, concrete) => {
    fc.assert(
      fc.property(tnum, tnum, word, word, (a, b, x, y) => {
        const result = run(op, a, b);
        expect(result.v & result.m).toBe(0n);
        expect(has(result, concrete(member(a, x), member(b, y)))).toBe(true);
        const exact = defined[name];
        if (exact) expect(result).toEqual(exact(a, b));
      }),
      RUNS,
    );
  });

  it('multiplies known numbers exactly', () => {
    fc.assert(
      fc.property(word, word, (x, y) => {
        expect(run(tnumMul, { v: x, m: 0n }, { v: y, m: 0n })).toEqual({ v: U64(x * y), m: 0n });
      }),
      RUNS,
    );
  });

  it('shifts, casts and swaps bytes', () => {
    fc.assert(
      fc.property(tnum, word, fc.nat(63), fc.constantFrom(1, 2, 4, 8), (t, bits, n, size) => {
        const x = member(t, bits);
        const applied = (f: (r: Regs) => void): Tnum => {
          const r = reg(t);
          f(r);
          return read(r);
        };
        expect(applied((r) => tnumLsh(r, 0, n))).toEqual({ v: U64(t.v << BigInt(n)), m: U64(t.m << BigInt(n)) });
        expect(applied((r) => tnumRsh(r, 0, n))).toEqual({ v: t.v >> BigInt(n), m: t.m >> BigInt(n) });
        expect(
          has(
            applied((r) => tnumCast(r, 0, size)),
            BigInt.asUintN(size * 8, x),
          ),
        ).toBe(true);
        for (const width of [16, 32, 64]) {
          const swapped = BigInt(
            `0x${BigInt.asUintN(width, x)
              .toString(16)
              .padStart(width / 4, '0')
              .match(/../g)!
              .reverse()
              .join('')}`,
          );
          expect(
            has(
              applied((r) => tnumByteSwap(r, 0, width)),
              swapped,
            ),
          ).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it('spans a range as tightly as a prefix can, and intersects', () => {
    fc.assert(
      fc.property(word, word, word, tnum, (a, b, c, t) => {
        const [min, mid, max] = [a, b, c].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0)) as [bigint, bigint, bigint];
        const r = new Int32Array(REG);
        tnumRange(r, 0, lo(min), hi(min), lo(max), hi(max));
        for (const x of [min, mid, max]) expect(has(read(r), x)).toBe(true);
        expect(read(r).m.toString(2).replaceAll('1', '')).toBe(read(r).m === 0n ? '0' : '');
        const x = member(t, mid);
        const both = run(tnumIntersect, t, { v: x, m: 0n });
        expect(has(both, x)).toBe(true);
      }),
      RUNS,
    );
  });

  it('knows what lies within, what overlaps, and the next member', () => {
    fc.assert(
      fc.property(tnum, tnum, word, word, (a, b, x, z) => {
        const inA = member(a, x);
        if (tnumIn(reg(a), 0, reg(b), 0)) expect(has(a, member(b, x))).toBe(true);
        if (has(b, inA)) expect(tnumOverlap(reg(a), 0, reg(b), 0, false)).toBe(true);
        const next = toBigUnsigned(tnumStep(reg(a), 0, lo(z), hi(z)), H.hi);
        expect(has(a, next)).toBe(true);
        const max = a.v | a.m;
        if (z < a.v) expect(next).toBe(a.v);
        else if (z >= max) expect(next).toBe(max);
        else {
          expect(next > z).toBe(true);
          // No member lies between z and the next one.
          if (inA > z) expect(inA >= next).toBe(true);
        }
      }),
      RUNS,
    );
  });
});
