import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Insn } from '../bpf/program.ts';
import { rawProgram } from './conformance.ts';
import { ExactMachine } from './testing/exact.ts';
import { Vm } from './vm.ts';

const insn = (opcode: number, dst: number, src: number, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });

/** Registers that hold numbers; r6 points at the memory. Its words: what they begin with, what they end with, and a place to work in. */
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 9];
const BASE = 6;
const END_OF_RUN = 80;
const WORK = 160;
const WORK_SIZE = 24;
const MEMORY = WORK + WORK_SIZE;

const before = [insn(0xbf, BASE, 1), ...NUMBERS.map((reg) => insn(0x79, reg, BASE, reg * 8))];
const after = [...NUMBERS.map((reg) => insn(0x7b, BASE, reg, END_OF_RUN + reg * 8)), insn(0x95, 0, 0)];

const SIZES = [
  [0x10, 1],
  [0x08, 2],
  [0x00, 4],
  [0x18, 8],
] as const;
const ATOMICS = [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1];
const BINARY = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0];
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];

/** Every instruction of versions 1 to 4 but calls and exit: what tells them apart beside registers, offsets into memory and constants. */
const FORMS: { readonly name: string; readonly opcode: number; readonly off?: number; readonly imm?: number; readonly size?: number }[] = [
  ...BINARY.flatMap((op) => [0x04, 0x0c, 0x07, 0x0f].map((cls) => ({ name: 'alu', opcode: op | cls }))),
  ...[0x30, 0x90].flatMap((op) => [0x04, 0x0c, 0x07, 0x0f].map((cls) => ({ name: 'signed', opcode: op | cls, off: 1 }))),
  ...[8, 16, 32].map((off) => ({ name: 'movsx', opcode: 0xbf, off })),
  ...[8, 16].map((off) => ({ name: 'movsx', opcode: 0xbc, off })),
  ...[0x84, 0x87].map((opcode) => ({ name: 'neg', opcode })),
  ...[0xd4, 0xdc, 0xd7].flatMap((opcode) => [16, 32, 64].map((imm) => ({ name: 'end', opcode, imm }))),
  ...CONDITIONS.flatMap((op) => [0x05, 0x0d, 0x06, 0x0e].map((cls) => ({ name: 'jump', opcode: op | cls }))),
  { name: 'ja', opcode: 0x05 },
  { name: 'gotol', opcode: 0x06 },
  { name: 'lddw', opcode: 0x18 },
  ...SIZES.flatMap(([code, size]) => [
    { name: 'ldx', opcode: 0x61 | code, size },
    ...(size < 8 ? [{ name: 'ldx', opcode: 0x81 | code, size }] : []),
    { name: 'st', opcode: 0x62 | code, size },
    { name: 'stx', opcode: 0x63 | code, size },
    { name: 'ldx', opcode: 0xc3 | code, imm: 0x100, size },
    { name: 'stx', opcode: 0xc3 | code, imm: 0x110, size },
    ...(size >= 4 ? ATOMICS.map((imm) => ({ name: 'atomic', opcode: 0xc3 | code, imm, size })) : []),
  ]),
];

const number = fc.constantFrom(...NUMBERS);
const constant = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 31, 32, 63, 64, 0x7fffffff, -0x80000000));
const edges = [0n, 1n, 0x7fn, 0x80n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 32n, (1n << 63n) - 1n, 1n << 63n];
const word = fc.oneof(fc.bigInt(0n, (1n << 64n) - 1n), fc.constantFrom(...edges, ...edges.map((edge) => BigInt.asUintN(64, -edge))));

/** An instruction of a form, with jumps that stay within `left` instructions. */
const instruction = (form: (typeof FORMS)[number]): fc.Arbitrary<readonly Insn[]> =>
  fc.record({ dst: number, src: number, k: constant, high: constant, place: fc.nat(WORK_SIZE - 1), by: fc.nat(4) }).map((drawn) => {
    const { name, opcode } = form;
    const off = WORK + Math.min(drawn.place, WORK_SIZE - (form.size ?? 1));
    const imm = form.imm ?? drawn.k;
    if (name === 'ldx') return [insn(opcode, drawn.dst, BASE, off, form.imm ?? 0)];
    if (name === 'st') return [insn(opcode, BASE, 0, off, imm)];
    if (name === 'stx') return [insn(opcode, BASE, drawn.src, off, form.imm ?? 0)];
    // Linux wants atomics aligned.
    if (name === 'atomic') return [insn(opcode, BASE, drawn.src, off - (off % form.size!), imm)];
    if (name === 'lddw') return [insn(opcode, drawn.dst, 0, 0, drawn.k), insn(0, 0, 0, 0, drawn.high)];
    if (name === 'gotol') return [insn(opcode, 0, 0, 0, drawn.by)];
    if (name === 'ja') return [insn(opcode, 0, 0, drawn.by)];
    const isReg = (opcode & 8) !== 0 && name !== 'end';
    return [insn(opcode, drawn.dst, isReg ? drawn.src : 0, name === 'jump' ? drawn.by : (form.off ?? 0), isReg ? 0 : imm)];
  });

/** Jumps that would leave the stretch, or lead into the second half of a `lddw`, lead to its end. */
function closed(parts: readonly (readonly Insn[])[]): Insn[] {
  const insns = parts.flat();
  const halves = new Set<number>();
  insns.forEach((each, at) => {
    if (each.opcode === 0x18) halves.add(at + 1);
  });
  return insns.map((each, at) => {
    const cls = each.opcode & 7;
    if (halves.has(at) || (cls !== 5 && cls !== 6)) return each;
    const long = each.opcode === 0x06;
    const to = at + 1 + (long ? each.imm : each.off);
    if (to <= insns.length && !halves.has(to)) return each;
    return { ...each, [long ? 'imm' : 'off']: insns.length - at - 1 };
  });
}

/** Registers and memory behind a stretch of code: exactly, and in both engines. */
function check(body: readonly Insn[], words: readonly bigint[], work: Uint8Array): void {
  const memory = new Uint8Array(MEMORY);
  const view = new DataView(memory.buffer);
  NUMBERS.forEach((reg, i) => {
    view.setBigUint64(reg * 8, words[i]!, true);
  });
  memory.set(work, WORK);
  const exact = new ExactMachine(memory.slice());
  exact.run([...before, ...body, ...after.slice(0, -1)]);
  for (const engine of ['interp', 'wasm'] as const) {
    const vm = new Vm({ ...rawProgram(new Uint8Array(0)), insns: [...before, ...body, ...after] }, { rawMemory: MEMORY, engine });
    expect(vm.engine).toBe(engine);
    const got = memory.slice();
    const result = vm.runRaw(got);
    expect({ engine, memory: got, result }).toEqual({ engine, memory: exact.memory, result: exact.regs[0] });
  }
}

const words = fc.array(word, { minLength: NUMBERS.length, maxLength: NUMBERS.length });
const work = fc.uint8Array({ minLength: WORK_SIZE, maxLength: WORK_SIZE });

describe('both engines compute what RFC 9669 says', () => {
  it.each(FORMS.map((form) => [`${form.name} 0x${form.opcode.toString(16)}`, form] as const))('%s, %j', (_, form) => {
    // A jump needs something to jump over.
    const behind = fc.constant<readonly Insn[]>([insn(0x07, 2, 0, 0, 1), insn(0x27, 3, 0, 0, 3), insn(0xb7, 4, 0, 0, 9), insn(0x87, 5, 0)]);
    fc.assert(
      fc.property(fc.tuple(instruction(form), behind), words, work, (parts, values, bytes) => check(closed(parts), values, bytes)),
      { seed: 1, numRuns: 12 },
    );
  });

  it('one instruction after the other, with jumps between them', () => {
    const any = fc.constantFrom(...FORMS).chain(instruction);
    fc.assert(
      fc.property(fc.array(any, { minLength: 2, maxLength: 30 }), words, work, (parts, values, bytes) =>
        check(closed(parts), values, bytes),
      ),
      { seed: 2, numRuns: 500 },
    );
  });

  it('where the register that points at the memory is what is loaded or fetched', () => {
    const at = { dst: BASE, src: BASE };
    const aliased = fc.constantFrom(
      ...SIZES.flatMap(([code]) => [insn(0x61 | code, BASE, BASE, WORK), insn(0xc3 | code, BASE, BASE, WORK, 0x100)]),
      ...[0x00, 0x18].flatMap((code) => [0x01, 0xe1].map((imm) => ({ ...insn(0xc3 | code, 0, 0, WORK, imm), ...at }))),
    );
    // Of what the register holds then only what came from memory is looked at: addresses are the machine's own.
    const seen = [insn(0xbf, 2, BASE), insn(0xbf, BASE, 9), insn(0xb7, 9, 0), insn(0x7b, BASE, 9, WORK)];
    fc.assert(
      fc.property(aliased, words, work, (one, values, bytes) => check([insn(0xbf, 9, BASE), one, ...seen], values, bytes)),
      { seed: 3, numRuns: 100 },
    );
  });
});
