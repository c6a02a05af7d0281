import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JEQ, JGE, JGT, JLE, JLT, JNE, JSET, JSGE, JSGT, JSLE, JSLT } from '../bpf/insn.ts';
import { boundsSync, coerceSubregToSizeSigned, coerceToSize, coerceToSizeSigned, zeroExtend32 } from './range.ts';
import { branchTaken, refineNotTaken, refineTaken } from './refine.ts';
import { copyReg, REG, type Regs } from './reg.ts';
import {
  scalarAdd,
  scalarAnd,
  scalarArsh32,
  scalarArsh64,
  scalarLsh32,
  scalarLsh64,
  scalarMul,
  scalarNeg,
  scalarOr,
  scalarRsh32,
  scalarRsh64,
  scalarSub,
  scalarXor,
} from './scalar.ts';
import { abstract, misses, S64, U64 } from './testing/abstract.ts';

const RUNS = { seed: 1, numRuns: 1000 };
const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);
const copy = (r: Regs): Regs => {
  const d = new Int32Array(REG);
  copyReg(d, 0, r, 0);
  return d;
};

const BINARY = [
  ['+', scalarAdd, (x: bigint, y: bigint) => x + y],
  ['-', scalarSub, (x: bigint, y: bigint) => x - y],
  ['*', scalarMul, (x: bigint, y: bigint) => x * y],
  ['&', scalarAnd, (x: bigint, y: bigint) => x & y],
  ['|', scalarOr, (x: bigint, y: bigint) => x | y],
  ['^', scalarXor, (x: bigint, y: bigint) => x ^ y],
] as const;

describe('abstract arithmetic holds every concrete result', () => {
  it.each(BINARY)('%s in 64 and 32 bits', (_, op, concrete) => {
    fc.assert(
      fc.property(abstract, abstract, (a, b) => {
        const wide = copy(a.reg);
        op(wide, 0, b.reg, 0);
        const narrow = copy(wide);
        boundsSync(wide, 0);
        zeroExtend32(narrow, 0);
        boundsSync(narrow, 0);
        for (const x of a.members)
          for (const y of b.members) {
            expect(misses(wide, concrete(x, y))).toBe('');
            expect(misses(narrow, u32(concrete(u32(x), u32(y))))).toBe('');
          }
      }),
      RUNS,
    );
  });

  const SHIFTS = [
    ['<< 64', scalarLsh64, 64, (x: bigint, n: bigint) => x << n],
    ['>> 64', scalarRsh64, 64, (x: bigint, n: bigint) => U64(x) >> n],
    ['s>> 64', scalarArsh64, 64, (x: bigint, n: bigint) => S64(x) >> n],
    ['<< 32', scalarLsh32, 32, (x: bigint, n: bigint) => u32(x << n)],
    ['>> 32', scalarRsh32, 32, (x: bigint, n: bigint) => u32(x) >> n],
    ['s>> 32', scalarArsh32, 32, (x: bigint, n: bigint) => u32(s32(x) >> n)],
  ] as const;

  it.each(SHIFTS)('%s', (_, op, bits, concrete) => {
    fc.assert(
      fc.property(abstract, fc.nat(bits - 1), (a, n) => {
        const r = copy(a.reg);
        op(r, 0, n);
        if (bits === 32) zeroExtend32(r, 0);
        boundsSync(r, 0);
        for (const x of a.members) expect(misses(r, concrete(x, BigInt(n)))).toBe('');
      }),
      RUNS,
    );
  });

  it('negation and extensions', () => {
    fc.assert(
      fc.property(abstract, fc.constantFrom(1, 2, 4), (a, size) => {
        const applied = (f: (r: Regs) => void): Regs => {
          const r = copy(a.reg);
          f(r);
          boundsSync(r, 0);
          return r;
        };
        for (const x of a.members) {
          expect(
            misses(
              applied((r) => scalarNeg(r, 0)),
              -x,
            ),
          ).toBe('');
          expect(
            misses(
              applied((r) => coerceToSize(r, 0, size)),
              BigInt.asUintN(size * 8, x),
            ),
          ).toBe('');
          expect(
            misses(
              applied((r) => coerceToSizeSigned(r, 0, size)),
              BigInt.asIntN(size * 8, x),
            ),
          ).toBe('');
          if (size === 4) continue;
          const sub = applied((r) => {
            coerceSubregToSizeSigned(r, 0, size);
            zeroExtend32(r, 0);
          });
          expect(misses(sub, u32(BigInt.asIntN(size * 8, x)))).toBe('');
        }
      }),
      RUNS,
    );
  });
});

const CONDITIONS = [
  ['==', JEQ, (x: bigint, y: bigint) => x === y],
  ['!=', JNE, (x: bigint, y: bigint) => x !== y],
  ['&', JSET, (x: bigint, y: bigint) => (x & y) !== 0n],
  ['>', JGT, (x: bigint, y: bigint) => x > y],
  ['>=', JGE, (x: bigint, y: bigint) => x >= y],
  ['<', JLT, (x: bigint, y: bigint) => x < y],
  ['<=', JLE, (x: bigint, y: bigint) => x <= y],
  ['s>', JSGT, (x: bigint, y: bigint) => x > y],
  ['s>=', JSGE, (x: bigint, y: bigint) => x >= y],
  ['s<', JSLT, (x: bigint, y: bigint) => x < y],
  ['s<=', JSLE, (x: bigint, y: bigint) => x <= y],
] as const;

describe('a comparison', () => {
  it.each(CONDITIONS)('%s never loses a value that takes its branch', (name, op, concrete) => {
    fc.assert(
      fc.property(abstract, abstract, fc.boolean(), (a, b, is32) => {
        const signed = name.startsWith('s');
        const view = (x: bigint): bigint => (signed ? (is32 ? s32(x) : S64(x)) : is32 ? u32(x) : U64(x));
        const taken = branchTaken(a.reg, 0, b.reg, 0, op, is32);
        for (const x of a.members)
          for (const y of b.members) {
            const holds = concrete(view(x), view(y));
            if (taken >= 0) expect(holds).toBe(taken === 1);
            const ra = copy(a.reg);
            const rb = copy(b.reg);
            if (holds) refineTaken(ra, 0, rb, 0, op, is32);
            else refineNotTaken(ra, 0, rb, 0, op, is32);
            expect(misses(ra, x)).toBe('');
            expect(misses(rb, y)).toBe('');
          }
      }),
      RUNS,
    );
  });
});
