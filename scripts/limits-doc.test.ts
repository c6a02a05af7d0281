import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const rows = readFileSync(join(root, 'docs', 'limits.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, value, name, file] = /\| ([\d,]+) \| `(\w+)` in `([^`]+)` \|$/.exec(line) ?? [];
    return file === undefined ? [] : [{ value: Number(value!.replaceAll(',', '')), name: name!, file }];
  });

/** A product, sum or shift of numbers, as limits are written. */
function numberIn(text: string): number {
  const sum = text.split(' + ').map((part) => {
    const terms = part.trim().replaceAll('_', '');
    const shift = /^(\d+) << (\d+)$/.exec(terms);
    if (shift) return Number(shift[1]) * 2 ** Number(shift[2]);
    return terms.split(' * ').reduce((product, factor) => {
      const [base, power = '1'] = factor.split(' ** ');
      return product * Number(base) ** Number(power);
    }, 1);
  });
  return sum.reduce((all, one) => all + one, 0);
}

describe('docs/limits.md', () => {
  it('has rows', () => expect(rows.length).toBeGreaterThan(40));
  it.each(rows)('says what $name of $file is', ({ value, name, file }) => {
    const written = new RegExp(`const ${name} = ([^;]+);`).exec(readFileSync(join(root, file), 'utf8'))?.[1];
    expect(written).toBeDefined();
    const difference = / - (\d+)$/.exec(written!);
    expect(numberIn(written!.replace(/ - \d+$/, '')) - Number(difference?.[1] ?? 0)).toBe(value);
  });
});
