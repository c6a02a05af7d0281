import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedLines, diffLines } from './diff.ts';

/** Applies hunks to `a`, taking the new lines from `b`. */
function patch(a: readonly string[], b: readonly string[], hunks: ReturnType<typeof diffLines>): string[] {
  const out: string[] = [];
  let at = 0;
  for (const hunk of hunks) {
    out.push(...a.slice(at, hunk.aFrom), ...b.slice(hunk.bFrom, hunk.bTo));
    at = hunk.aTo;
  }
  return [...out, ...a.slice(at)];
}

describe('diffLines', () => {
  it('turns one text into the other, and lines outside hunks are equal', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(patch(a, b, diffLines(a, b))).toEqual(b);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('finds changes that lie far apart without touching what is between them', () => {
    const a = Array.from({ length: 40_000 }, (_, i) => `line ${i % 977}`);
    const b = [...a];
    b[10] = 'changed';
    b.splice(39_000, 1);
    const hunks = diffLines(a, b);
    expect(hunks).toHaveLength(2);
    expect(changedLines(hunks)).toBe(2);
    expect(patch(a, b, hunks)).toEqual(b);
  });

  it('counts a replaced line once', () => {
    expect(changedLines(diffLines(['a', 'b', 'c'], ['a', 'x', 'c']))).toBe(1);
    expect(changedLines(diffLines(['a'], ['a']))).toBe(0);
  });

  it('gives up on texts with nothing in common as one change', () => {
    const a = Array.from({ length: 900 }, (_, i) => `a${i}`);
    const b = Array.from({ length: 900 }, (_, i) => `b${i}`);
    expect(diffLines(a, b)).toEqual([{ aFrom: 0, aTo: 900, bFrom: 0, bTo: 900 }]);
  });
});
