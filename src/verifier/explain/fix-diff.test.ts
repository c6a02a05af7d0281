import { describe, expect, it } from 'vitest';
import { verify } from '../verify.ts';
import { applyEdit } from './edit.ts';
import { explain } from './explain.ts';
import { fixDiff } from './fix-diff.ts';
import { CASES, programOf } from './testing/cases.ts';

const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

describe('the lines of an edit', () => {
  it.each(CASES.filter((test) => test.mended))('of $name are what it takes out and puts in, in order', ({ text }) => {
    const program = programOf(text);
    for (const fix of explain(program, verify(program, options), { verify: options }).fixes) {
      const lines = fixDiff(program, fix);
      const put = lines.filter((line) => line.was === null);
      const taken = lines.filter((line) => line.is === null);
      expect(Math.max(put.length, taken.length)).toBeGreaterThan(0);
      expect(put.length).toBeLessThanOrEqual(fix.size);
      for (const key of ['was', 'is'] as const) {
        const order = lines.flatMap((line) => (line[key] === null ? [] : [line[key]]));
        expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
      }
      let edited = program;
      for (const edit of fix.edits) edited = applyEdit(edited, edit);
      expect(edited.insns).toEqual(fix.program.insns);
    }
  });
});
