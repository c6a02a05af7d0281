import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { isFuncAddress, isJump, isPseudoCall, jumpTarget } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { applyEdit, type Change, type Edit, editSize, positions } from './edit.ts';
import { programOf } from './testing/cases.ts';

const nop = { opcode: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

/** Changes at random places that never split a 16-byte load. */
const edits = (program: Program) =>
  fc
    .uniqueArray(fc.tuple(fc.nat(program.insns.length - 1), fc.nat(2), fc.integer({ min: 0, max: 4 })), {
      selector: ([at]) => at,
      maxLength: 6,
    })
    .map((drafts): Edit => {
      const changes: Change[] = [];
      let free = 0;
      for (const [at, remove, count] of drafts.sort((a, b) => a[0] - b[0])) {
        const pieces = program.insns.slice(at, at + Math.max(remove, 1));
        if (at < free || pieces.some((insn) => insn.opcode === 0 || insn.opcode === 0x18) || at + remove > program.insns.length) continue;
        if (remove === 0 && count === 0) continue;
        changes.push({ at, remove, insert: Array.from({ length: Math.max(count, remove) }, () => ({ insn: nop })) });
        free = at + Math.max(remove, 1);
      }
      return { changes };
    });

describe('applyEdit', () => {
  it('keeps the targets of jumps and calls', () => {
    const cases = fc.nat(5000).chain((seed) => {
      const program = randomProgram(seed);
      return fc.tuple(fc.constant(program), edits(program));
    });
    fc.assert(
      fc.property(cases, ([program, edit]) => {
        const edited = applyEdit(program, edit);
        const { moved, entry, length } = positions(program.insns.length, edit);
        expect(edited.insns).toHaveLength(length);
        const gone = new Set(edit.changes.flatMap((c) => Array.from({ length: c.remove }, (_, i) => c.at + i)));
        program.insns.forEach((insn, idx) => {
          if (gone.has(idx)) return;
          const now = edited.insns[moved[idx]!]!;
          expect({ ...now, off: 0, imm: 0 }).toEqual({ ...insn, off: 0, imm: 0 });
          if (isJump(insn)) expect(jumpTarget(now, moved[idx]!)).toBe(entry[jumpTarget(insn, idx)]);
          else if (isPseudoCall(insn) || isFuncAddress(insn)) expect(moved[idx]! + now.imm + 1).toBe(entry[idx + insn.imm + 1]);
          else expect(now).toBe(insn);
        });
        expect(edited.insns.every((insn) => insn !== undefined)).toBe(true);
        expect(edited.insnOrigins).toHaveLength(length);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('moves functions, lines, kernel functions and origins along', () => {
    const base = programOf('call f\nexit\nf:\nr0 = 1\nexit');
    const program: Program = {
      ...base,
      lineInfo: [0, 2].map((insnIdx) => ({ insnIdx, file: 'a.c', line: insnIdx + 1, column: 0, text: '' })),
      insnOrigins: [[0], [1], [2], [3]],
      kfuncCalls: new Map([[3, 'f']]),
    };
    const edited = applyEdit(program, { changes: [{ at: 2, remove: 0, insert: [{ insn: nop }, { insn: nop }] }] });
    expect(edited.subprogs.map((s) => s.start)).toEqual(program.subprogs.map((s) => s.start));
    expect(edited.lineInfo.map((l) => l.insnIdx)).toEqual([0, 2]);
    expect(edited.insnOrigins).toEqual([[0], [1], [2], [2], [2], [3]]);
    expect([...edited.kfuncCalls]).toEqual([[5, 'f']]);
  });

  it('aims inserted jumps at instructions of the old program, behind what is inserted before them', () => {
    const program = programOf('r0 = 0\nr0 = 1\nexit');
    const edited = applyEdit(program, {
      changes: [
        { at: 0, remove: 0, insert: [{ insn: nop, target: 2 }] },
        { at: 2, remove: 0, insert: [{ insn: nop }] },
      ],
    });
    expect(jumpTarget(edited.insns[0]!, 0)).toBe(4);
  });

  it('counts what it inserts or replaces', () => {
    expect(
      editSize({
        changes: [
          { at: 0, remove: 1, insert: [{ insn: nop }, { insn: nop }] },
          { at: 3, remove: 2, insert: [] },
        ],
      }),
    ).toBe(4);
  });

  it.each([
    [{ changes: [{ at: 9, remove: 0, insert: [] }] }],
    [{ changes: [{ at: 2, remove: 2, insert: [] }] }],
    [
      {
        changes: [
          { at: 1, remove: 0, insert: [] },
          { at: 0, remove: 0, insert: [] },
        ],
      },
    ],
    [
      {
        changes: [
          { at: 1, remove: 0, insert: [] },
          { at: 1, remove: 1, insert: [] },
        ],
      },
    ],
    [{ changes: [{ at: 0, remove: 0, insert: [{ insn: nop, target: 3 }] }] }],
  ])('refuses an edit that does not fit', (edit: Edit) => {
    expect(() => applyEdit(programOf('r0 = 0\nr0 = 1\nexit'), edit)).toThrow(InputError);
  });

  it('refuses a jump that becomes too long', () => {
    const filler = Array.from({ length: 32767 }, () => 'r0 = 0').join('\n');
    const program = programOf(`if r1 == 0 goto out\n${filler}\nout:\nexit`);
    expect(() => applyEdit(program, { changes: [{ at: 5, remove: 0, insert: [{ insn: nop }] }] })).toThrow(/too far/);
  });
});
