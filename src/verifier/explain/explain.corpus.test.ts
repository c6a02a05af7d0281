import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseProgram, parseCases } from '../corpus.ts';
import { verify } from '../verify.ts';
import { CLASS_TEXTS } from './classes.ts';
import { explain } from './explain.ts';

const folder = process.env.BPFORMER_CORPUS;
const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

describe.skipIf(!folder)('rejected cases of the corpus (set BPFORMER_CORPUS)', () => {
  it('each have a story of their own: a named class, what was found, what is allowed, and a last step at the instruction', () => {
    const cases = parseCases(readFileSync(join(folder!, 'verifier-raw.jsonl'), 'utf8'));
    const lacking: string[] = [];
    let told = 0;
    for (const test of cases) {
      const program = caseProgram(test);
      const result = verify(program, options);
      if (result.accepted) continue;
      told++;
      const found = explain(program, result, { verify: options, maxTries: 0 });
      const complete =
        found.class !== 'other' &&
        found.known !== null &&
        found.known.text !== '' &&
        found.allowed !== null &&
        found.allowed.text !== CLASS_TEXTS.other.allowed &&
        (found.insnIdx === null || found.story.at(-1)?.insnIdx === found.insnIdx);
      if (!complete) lacking.push(`${test.descr}: ${found.message}`);
    }
    expect(told).toBe(cases.filter((test) => test.verdict618 !== 'accept').length);
    expect(lacking).toEqual([]);
  });
});
