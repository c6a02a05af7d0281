import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { encodeInsns, isJump, isPseudoCall, OP_LDDW, PSEUDO_FUNC } from './insn.ts';
import { disassemble, type Syntax } from './listing.ts';
import { encodingProblem } from './opcodes.ts';
import type { Insn, MapDef, Program, Subprog } from './program.ts';
import { arbitraryInsn } from './testing/arbitrary.ts';

function programOf(insns: readonly Insn[], maps: readonly MapDef[] = [], subprogs?: readonly Subprog[]): Program {
  return {
    name: 'main',
    section: 'xdp',
    progType: 6,
    expectedAttachType: 37,
    sleepable: false,
    loadFlags: 0,
    license: 'Dual BSD/GPL',
    insns,
    subprogs: subprogs ?? [{ name: 'main', start: 0, linkage: 'global' }],
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

function roundTrip(program: Program, syntax: Syntax, labels: boolean): Program {
  const text = disassemble(program, { syntax, labels });
  const result = assemble(text);
  if (!result.program) throw new Error(`${JSON.stringify(result.diagnostics[0])}\n${text.split('\n')[result.diagnostics[0]!.line - 1]}`);
  return result.program;
}

const MAPS: readonly MapDef[] = [
  { name: 'hits', type: 1, keySize: 4, valueSize: 8, maxEntries: 64, flags: 1 },
  {
    name: '.data.weights',
    type: 2,
    keySize: 4,
    valueSize: 100,
    maxEntries: 1,
    flags: 0x400,
    section: '.data.weights',
    data: new Uint8Array(100).map((_, i) => (i % 50 > 40 ? i : 0)),
  },
  {
    name: 'outer',
    type: 13,
    keySize: 4,
    valueSize: 4,
    maxEntries: 8,
    flags: 0,
    pinByName: true,
    inner: { name: 'inner', type: 2, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 },
  },
  {
    name: '.rodata',
    type: 2,
    keySize: 4,
    valueSize: 3,
    maxEntries: 1,
    flags: 0x80,
    section: '.rodata',
    frozen: true,
    data: Uint8Array.of(0, 0, 0),
  },
];

const imm32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const dst = fc.integer({ min: 0, max: 9 });
const lddw: fc.Arbitrary<readonly Insn[]> = fc
  .oneof(
    fc.record({ src: fc.constantFrom(0, 3, 5, 6), low: imm32, high: imm32 }),
    fc.record({ src: fc.constant(1), low: fc.integer({ min: 0, max: 3 }), high: fc.constant(0) }),
    fc.record({ src: fc.constant(2), low: fc.integer({ min: 0, max: 3 }), high: imm32 }),
    // Map numbers that do not exist must survive too.
    fc.record({ src: fc.constantFrom(1, 2), low: imm32, high: imm32 }),
  )
  .chain((half) =>
    dst.map((reg) => [
      { opcode: OP_LDDW, dst: reg, src: half.src, off: 0, imm: half.low },
      { opcode: 0, dst: 0, src: 0, off: 0, imm: half.high },
    ]),
  );

describe('listing and assembler', () => {
  for (const syntax of ['kernel', 'llvm'] as const) {
    for (const labels of [false, true]) {
      it(`round-trips every instruction of v1–v4 in ${syntax} syntax, ${labels ? 'labels' : 'distances'}`, () => {
        const opcodes = new Set<number>();
        fc.assert(
          fc.property(
            fc.array(fc.oneof({ weight: 8, arbitrary: arbitraryInsn.map((insn) => [insn]) }, lddw), { minLength: 1, maxLength: 40 }),
            (groups) => {
              // Functions must start inside the program; kfuncs have names outside the code.
              const insns = groups
                .flat()
                .filter((insn) => !(insn.opcode === 0x85 && insn.src === 2))
                .map((insn, idx, all) => (isPseudoCall(insn) ? { ...insn, imm: (Math.abs(insn.imm) % all.length) - idx - 1 } : insn));
              const targets = new Set([0, ...insns.flatMap((insn, idx) => (isPseudoCall(insn) ? [idx + 1 + insn.imm] : []))]);
              const subprogs = [...targets]
                .sort((a, b) => a - b)
                .map((start): Subprog => ({ name: start === 0 ? 'main' : `f${start}`, start, linkage: start % 2 ? 'static' : 'global' }));
              fc.pre(insns.length > 0);
              const program = programOf(insns, MAPS, subprogs);
              const again = roundTrip(program, syntax, labels);
              expect(encodeInsns(again.insns)).toEqual(encodeInsns(insns));
              expect(again.maps).toEqual(MAPS);
              expect(again.subprogs).toEqual(subprogs);
              for (const insn of insns) opcodes.add(insn.opcode);
            },
          ),
          { seed: 1, numRuns: 250 },
        );
        expect(opcodes.size).toBe(128 + 1);
      });
    }
  }

  it('round-trips slots that no machine defines', () => {
    const raw = fc.record({
      opcode: fc.integer({ min: 0, max: 255 }),
      dst: fc.nat(15),
      src: fc.nat(15),
      off: fc.integer({ min: -32768, max: 32767 }),
      imm: imm32,
    });
    fc.assert(
      fc.property(fc.array(raw, { minLength: 1, maxLength: 20 }), (insns) => {
        const usable = insns.filter(
          (insn) => !(insn.opcode === 0x85 && (insn.src === 1 || insn.src === 2)) && !(insn.opcode === OP_LDDW && insn.src === PSEUDO_FUNC),
        );
        fc.pre(usable.length > 0);
        for (const syntax of ['kernel', 'llvm'] as const) expect(roundTrip(programOf(usable), syntax, false).insns).toEqual(usable);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('keeps program, function and kernel function declarations', () => {
    const program: Program = {
      ...programOf(
        [
          { opcode: 0x85, dst: 0, src: 2, off: 1, imm: 0 },
          { opcode: 0x18, dst: 2, src: PSEUDO_FUNC, off: 0, imm: 3 },
          { opcode: 0, dst: 0, src: 0, off: 0, imm: 0 },
          { opcode: 0x85, dst: 0, src: 1, off: 0, imm: 1 },
          { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
          { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
        ],
        MAPS,
        [
          { name: 'main', start: 0, linkage: 'global' },
          {
            name: 'callback',
            start: 5,
            linkage: 'global',
            args: [{ kind: 'ctx' }, { kind: 'scalar' }, { kind: 'mem', size: 8, nonNull: false }, { kind: 'mem', size: 4, nonNull: true }],
            returns: 'void',
          },
        ],
      ),
      section: 'tp/syscalls/sys_enter_openat',
      progType: 5,
      expectedAttachType: 0,
      name: 'other',
      loadFlags: 2,
      kfuncCalls: new Map([[0, 'bpf_iter_num_new']]),
    };
    for (const syntax of ['kernel', 'llvm'] as const) expect(roundTrip(program, syntax, false)).toEqual(program);
  });

  it('shows source lines as the kernel does', () => {
    const program = {
      ...programOf([{ opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 }]),
      lineInfo: [{ insnIdx: 0, file: 'model.onnx', line: 13, column: 0, text: 'softmax.0' }],
    };
    const text = disassemble(program);
    expect(text).toContain('  ; softmax.0 @ model.onnx:13\n  exit\n');
    expect(assemble(text).program!.lineInfo).toEqual(program.lineInfo);
    expect(disassemble(program, { source: false })).not.toContain('softmax');
  });

  it('counts every opcode that v1–v4 define', () => {
    const known = new Set<number>();
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const imm of [0, 16]) if (encodingProblem({ opcode, dst: 0, src: 0, off: 0, imm }) === null) known.add(opcode);
      if (encodingProblem({ opcode, dst: 0, src: 0, off: 0, imm: 0x100 }) === null) known.add(opcode);
    }
    // 129 with lddw: see RFC 9669 appendix A, plus JCOND and the one- and two-byte atomics of load-acquire and store-release.
    expect(known.size).toBe(129);
    expect([...known].filter((opcode) => isJump({ opcode, dst: 0, src: 0, off: 0, imm: 0 }))).toHaveLength(47);
  });
});
