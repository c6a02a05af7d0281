import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { difference, kernelAnswer, ourAnswer, parseFiled } from './testing/filed.ts';
import { verify } from './verify.ts';

// Programs on which the fuzzer once found a difference (`npm run long verifier-fuzz`), each shrunk.
const cases = parseFiled(readFileSync(fileURLToPath(new URL('./testdata/filed.jsonl', import.meta.url)), 'utf8'));
const kernel = await kernelForTests();
afterAll(() => kernel?.close());

describe('programs that the fuzzer filed', () => {
  it.each(cases.map((filed) => [filed.about, filed] as const))('%s', (_, { program, kernel: answer }) => {
    const ours = ourAnswer(verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: 2 }));
    expect({ what: difference(ours, answer), ours }).toEqual({ what: null, ours });
  });

  it.skipIf(!kernel)('have the answers that this kernel gives', async () => {
    for (const { about, program, kernel: answer } of cases) {
      const theirs = await kernel!.load(program, { logLevel: 4, ...(program.subprogs.length > 1 ? { btf: programBtf(program) } : {}) });
      await theirs.program?.closeAll();
      expect({ about, answer: kernelAnswer(theirs) }).toEqual({ about, answer });
    }
  });
});
