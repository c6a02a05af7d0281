import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { compareWithClang } from './testing/differ.ts';
import { generateSource, writtenSource } from './testing/generate.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const hasClang = spawnSync('clang-19', ['--version']).status === 0;
if (!hasClang) console.warn('C against a native clang: skipped, clang-19 is needed');

const written = (name: string): string => readFileSync(new URL(`./testdata/${name}.c`, import.meta.url), 'utf8');
/** `npm run long clang-diff` goes through more instruction sets, levels and seeds. */
const CASES = [
  ['v3', '2', 'written', () => writtenSource(written('functions'), written('atomics'))],
  ['v4', '2', 'written', () => writtenSource(written('functions'), written('atomics') + written('signed-division'))],
  ['v1', '2', 'written', () => writtenSource(written('functions'))],
  ['v3', '2', 'generated', () => generateSource(1, 8, 'v3')],
] as const;

describe.skipIf(!kernel || !hasClang)('C in the kernel', { timeout: 300_000 }, () => {
  it.each(CASES)('%s -O%s: %s functions give what clang’s code gives', async (cpu, level, _, make) => {
    const { source, names } = make();
    const found = await compareWithClang(kernel!, source, cpu, level, 12);
    expect(found).toMatchObject({ compared: names.length, different: [], lost: [], refused: [] });
  });
});
