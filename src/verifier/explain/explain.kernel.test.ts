import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { verify } from '../verify.ts';
import { diagnose } from './diagnose.ts';
import { findFixes } from './fixes.ts';
import { CASES, programOf } from './testing/cases.ts';

const kernel = await kernelForTests();
const fixesOf = (program: Program, budget: { tries: number; processed: number }) => {
  const result = verify(program, options);
  return findFixes({ program, result, found: diagnose(program, options, result.message ?? '') }, options, budget);
};
const options = { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel?.cpus ?? 2 } as const;
afterAll(() => kernel?.close());

describe.skipIf(!kernel)('the kernel', () => {
  it.each(CASES)('refuses $name as we do, and accepts each offered edit', async ({ text }) => {
    const program = programOf(text);
    const refused = await kernel!.load(program, { logLevel: 1 });
    expect(refused.accepted).toBe(false);
    expect(verify(program, options).message).toBe(refused.message?.trim());
    for (const fix of fixesOf(program, { tries: 120, processed: 1_000_000 })) {
      const loaded = await kernel!.load(fix.program, { logLevel: 1 });
      await loaded.program?.close();
      expect(`${fix.title} ${loaded.accepted ? '' : loaded.message}`).toBe(`${fix.title} `);
    }
  });
});
