import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Insn } from '../bpf/program.ts';
import { rawProgram } from './conformance.ts';
import { Vm } from './vm.ts';

const insn = (opcode: number, dst: number, src: number, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const u = (bits: number, value: bigint) => BigInt.asUintN(bits, value);
const s = (bits: number, value: bigint) => BigInt.asIntN(bits, value);

/** Edges of words and halves as often as anything else. */
const edges = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1fffffffffffffn,
  0x20000000000000n,
];
const word = fc.oneof(
  fc.bigInt(0n, (1n << 64n) - 1n),
  fc.constantFrom(...edges, ...edges.map((e) => u(64, -e)), 1n << 63n, (1n << 63n) - 1n),
  fc.bigInt(0n, 0xffffffffn),
);
const imm = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 31, 32, 63, 64, 0x7fffffff, -0x80000000));

type Binary = (a: bigint, b: bigint, bits: number) => bigint;
const truncatedDivision: Binary = (a, b, bits) => (b === 0n ? 0n : s(bits, a) / s(bits, b));
const operations: Record<string, { readonly code: number; readonly off?: number; readonly f: Binary }> = {
  add: { code: 0x00, f: (a, b) => a + b },
  sub: { code: 0x10, f: (a, b) => a - b },
  mul: { code: 0x20, f: (a, b) => a * b },
  div: { code: 0x30, f: (a, b) => (b === 0n ? 0n : a / b) },
  sdiv: { code: 0x30, off: 1, f: truncatedDivision },
  or: { code: 0x40, f: (a, b) => a | b },
  and: { code: 0x50, f: (a, b) => a & b },
  lsh: { code: 0x60, f: (a, b, bits) => a << (b & BigInt(bits - 1)) },
  rsh: { code: 0x70, f: (a, b, bits) => a >> (b & BigInt(bits - 1)) },
  mod: { code: 0x90, f: (a, b) => (b === 0n ? a : a % b) },
  smod: { code: 0x90, off: 1, f: (a, b, bits) => (b === 0n ? a : s(bits, a) % s(bits, b)) },
  xor: { code: 0xa0, f: (a, b) => a ^ b },
  mov: { code: 0xb0, f: (_, b) => b },
  arsh: { code: 0xc0, f: (a, b, bits) => s(bits, a) >> (b & BigInt(bits - 1)) },
};

const exit = insn(0x95, 0, 0);
const loadBoth = [insn(0x79, 0, 1, 0), insn(0x79, 3, 1, 8)];

/** Both engines, which must agree. */
function machine(insns: readonly Insn[]): (a: bigint, b: bigint) => bigint {
  const vms = (['interp', 'wasm'] as const).map((engine) => new Vm({ ...rawProgram(new Uint8Array(0)), insns }, { rawMemory: 16, engine }));
  return (a, b) => {
    const [interpreted, translated] = vms.map((vm) => vm.runRaw(new Uint8Array(BigUint64Array.of(a, b).buffer)));
    expect(translated).toBe(interpreted);
    return interpreted;
  };
}

/** `dst = dst op src`, both forms and the widths of class `cls`. */
function checkOperation(cls: 4 | 7, code: number, off: number, f: Binary): void {
  const bits = cls === 7 ? 64 : 32;
  const expected = (a: bigint, b: bigint) => u(bits, f(u(bits, a), u(bits, b), bits));
  const withRegister = machine([...loadBoth, insn(code | cls | 8, 0, 3, off), exit]);
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(withRegister(a, b)).toBe(expected(a, b));
    }),
    { seed: 1, numRuns: 500 },
  );
  const onItself = machine([...loadBoth, insn(code | cls | 8, 0, 0, off), exit]);
  fc.assert(
    fc.property(word, (a) => {
      expect(onItself(a, 0n)).toBe(expected(a, a));
    }),
    { seed: 1, numRuns: 50 },
  );
  fc.assert(
    fc.property(word, imm, (a, k) => {
      expect(machine([...loadBoth, insn(code | cls, 0, 0, off, k), exit])(a, 0n)).toBe(expected(a, BigInt(k)));
    }),
    { seed: 1, numRuns: 40 },
  );
}

describe('arithmetic', () => {
  for (const [name, { code, off, f }] of Object.entries(operations)) {
    it(`${name} is exact in 64 bits`, () => checkOperation(7, code, off ?? 0, f));
    it(`${name} is exact in 32 bits and clears the upper half`, () => checkOperation(4, code, off ?? 0, f));
  }

  const unary: [string, Insn, (a: bigint) => bigint][] = [
    ['neg64', insn(0x87, 0, 0), (a) => u(64, -a)],
    ['neg32', insn(0x84, 0, 0), (a) => u(32, -a)],
    ...[8, 16, 32].map((n): [string, Insn, (a: bigint) => bigint] => [`movs${n}to64`, insn(0xbf, 0, 0, n), (a) => u(64, s(n, a))]),
    ...[8, 16].map((n): [string, Insn, (a: bigint) => bigint] => [`movs${n}to32`, insn(0xbc, 0, 0, n), (a) => u(32, s(n, a))]),
    ...[16, 32, 64].flatMap((n): [string, Insn, (a: bigint) => bigint][] => [
      [`le${n}`, insn(0xd4, 0, 0, 0, n), (a) => u(n, a)],
      [`be${n}`, insn(0xdc, 0, 0, 0, n), (a) => reverse(a, n)],
      [`bswap${n}`, insn(0xd7, 0, 0, 0, n), (a) => reverse(a, n)],
    ]),
  ];
  function reverse(a: bigint, bits: number): bigint {
    let out = 0n;
    for (let at = 0; at < bits; at += 8) out = (out << 8n) | ((a >> BigInt(at)) & 0xffn);
    return out;
  }
  it.each(unary)('%s is exact', (_, operation, f) => {
    const run = machine([loadBoth[0], operation, exit]);
    fc.assert(
      fc.property(word, (a) => {
        expect(run(a, 0n)).toBe(f(a));
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('multiplication', () => {
  it('finds the carry where the rounded product lies half a step below', () => {
    const multiply = machine([...loadBoth, insn(0x2f, 0, 3), exit]);
    for (const [a, b] of [
      [2n ** 31n + 1537n, 2n ** 31n - 1536n],
      [2n ** 32n - 1n, 2n ** 32n - 1n],
    ]) {
      expect(multiply(a, b)).toBe(u(64, a * b));
    }
  });
});

describe('conditions', () => {
  const conditions: [string, number, (a: bigint, b: bigint, bits: number) => boolean][] = [
    ['jeq', 0x10, (a, b) => a === b],
    ['jgt', 0x20, (a, b) => a > b],
    ['jge', 0x30, (a, b) => a >= b],
    ['jset', 0x40, (a, b) => (a & b) !== 0n],
    ['jne', 0x50, (a, b) => a !== b],
    ['jsgt', 0x60, (a, b, bits) => s(bits, a) > s(bits, b)],
    ['jsge', 0x70, (a, b, bits) => s(bits, a) >= s(bits, b)],
    ['jlt', 0xa0, (a, b) => a < b],
    ['jle', 0xb0, (a, b) => a <= b],
    ['jslt', 0xc0, (a, b, bits) => s(bits, a) < s(bits, b)],
    ['jsle', 0xd0, (a, b, bits) => s(bits, a) <= s(bits, b)],
  ];
  // Pairs that share a half or are equal decide differently from random ones.
  const pair = fc.oneof(
    fc.tuple(word, word),
    word.map((a): [bigint, bigint] => [a, a]),
    fc.tuple(word, word).map(([a, b]): [bigint, bigint] => [a, (a & ~0xffffffffn) | (b & 0xffffffffn)]),
    fc.tuple(word, word).map(([a, b]): [bigint, bigint] => [a, (b & ~0xffffffffn) | (a & 0xffffffffn)]),
  );
  for (const [bits, cls] of [
    [64, 5],
    [32, 6],
  ] as const) {
    it.each(conditions)(`%s compares ${bits} bits`, (_, code, f) => {
      const after = [insn(0xb7, 0, 0, 0, 0), exit, insn(0xb7, 0, 0, 0, 1), exit];
      const withRegister = machine([...loadBoth, insn(code | cls | 8, 0, 3, 2), ...after]);
      fc.assert(
        fc.property(pair, ([a, b]) => {
          expect(withRegister(a, b)).toBe(f(u(bits, a), u(bits, b), bits) ? 1n : 0n);
        }),
        { seed: 1, numRuns: 500 },
      );
      fc.assert(
        fc.property(word, imm, (a, k) => {
          const withConstant = machine([...loadBoth, insn(code | cls, 0, 0, 2, k), ...after]);
          expect(withConstant(a, 0n)).toBe(f(u(bits, a), u(bits, BigInt(k)), bits) ? 1n : 0n);
        }),
        { seed: 1, numRuns: 40 },
      );
    });
  }
});
