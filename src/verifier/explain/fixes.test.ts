import { describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { verify } from '../verify.ts';
import { diagnose } from './diagnose.ts';
import { applyEdit } from './edit.ts';
import { findFixes, MAX_EDIT } from './fixes.ts';
import { CASES, programOf } from './testing/cases.ts';

const fixesOf = (program: Program, budget: { tries: number; processed: number }) => {
  const result = verify(program, options);
  return findFixes({ program, result, found: diagnose(program, options, result.message ?? '') }, options, budget);
};
const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;
const budget = { tries: 120, processed: 1_000_000 };

describe('an offered edit', () => {
  it.each(CASES.filter((c) => c.mended))('for $name is accepted, small, and keeps the refused instruction in use', ({ text, insn }) => {
    const program = programOf(text);
    const fixes = fixesOf(program, budget);
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
    const [fix] = fixesOf(program, budget);
    // if r0 != 0 goto +2; r0 = XDP_PASS; exit
    expect(fix!.edits[0]!.changes[0]!.insert.map(({ insn }) => insn.opcode)).toEqual([0x55, 0xb7, 0x95]);
    expect(fix!.edits[0]!.changes[0]!.insert[1]!.insn.imm).toBe(2);
  });

  it('is searched for within a budget', () => {
    const program = programOf(CASES[0]!.text);
    expect(fixesOf(program, { tries: 0, processed: 1_000_000 })).toEqual([]);
    expect(fixesOf(program, { tries: 120, processed: 0 })).toEqual([]);
  });

  it('does not exist for an accepted program', () => {
    expect(fixesOf(programOf('r0 = 0\nexit'), budget)).toEqual([]);
  });
});
