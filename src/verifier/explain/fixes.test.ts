import { describe, expect, it } from 'vitest';
import { verify } from '../verify.ts';
import { applyEdit } from './edit.ts';
import { findFixes, MAX_EDIT } from './fixes.ts';
import { CASES, programOf } from './testing/cases.ts';

const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;
const budget = { tries: 120, processed: 1_000_000 };

describe('an offered edit', () => {
  it.each(CASES.filter((c) => c.mended))('for $name is accepted, small, and keeps the refused instruction in use', ({ text, insn }) => {
    const program = programOf(text);
    const fixes = findFixes(program, options, budget);
    expect(fixes.length).toBeGreaterThan(0);
    for (const fix of fixes) {
      expect(fix.size).toBeLessThanOrEqual(MAX_EDIT);
      expect(fix.edits.reduce(applyEdit, program)).toEqual(fix.program);
      const result = verify(fix.program, options);
      expect(result.accepted).toBe(true);
      expect(result.visits[fix.insnIdx]).toBeGreaterThan(0);
      // The refused instruction itself may get another target or constant, but stays the same operation.
      expect(fix.program.insns[fix.insnIdx]!.opcode & 7).toBe(program.insns[insn]!.opcode & 7);
    }
  });

  it('leaves with the value that means "go on" for the hook', () => {
    const program = programOf(CASES[0]!.text);
    const [fix] = findFixes(program, options, budget);
    // if r0 != 0 goto +2; r0 = XDP_PASS; exit
    expect(fix!.edits[0]!.changes[0]!.insert.map(({ insn }) => insn.opcode)).toEqual([0x55, 0xb7, 0x95]);
    expect(fix!.edits[0]!.changes[0]!.insert[1]!.insn.imm).toBe(2);
  });

  it('is searched for within a budget', () => {
    const program = programOf(CASES[0]!.text);
    expect(findFixes(program, options, { tries: 0, processed: 1_000_000 })).toEqual([]);
    expect(findFixes(program, options, { tries: 120, processed: 0 })).toEqual([]);
  });

  it('does not exist for an accepted program', () => {
    expect(findFixes(programOf('r0 = 0\nexit'), options, budget)).toEqual([]);
  });
});
