import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { caseProgram, parseCases, parseCorpus } from './corpus.ts';
import { verify } from './verify.ts';

const folder = process.env.BPFORMER_CORPUS;
if (!folder) console.warn('agreement with a kernel on raw cases: skipped, BPFORMER_CORPUS names no folder with verifier-raw.jsonl');

describe.skipIf(!folder)('cases with a kernel’s answers', () => {
  it('get the same verdict, message and count of instructions', () => {
    const cases = parseCases(readFileSync(join(folder!, 'verifier-raw.jsonl'), 'utf8'));
    const wrong: string[] = [];
    let rejected = 0;
    let message = 0;
    let processed = 0;
    for (const test of cases) {
      const result = verify(caseProgram(test), { kernel: '6.18', privilege: 'root', logLevel: 0 });
      if (result.accepted !== (test.verdict618 === 'accept')) {
        wrong.push(`${test.descr}: ${result.message ?? 'accepted'}, not ${test.last618 || 'accepted'}`);
        continue;
      }
      if (!result.accepted) {
        rejected++;
        if (result.message === test.last618.trim()) message++;
      }
      if (result.processed === test.processed) processed++;
    }
    console.info(
      `${cases.length} cases: verdict ${cases.length - wrong.length}, message ${message} of ${rejected} rejected, processed ${processed}\n${wrong.join('\n')}`,
    );
    expect(wrong.length / cases.length).toBeLessThanOrEqual(0.01);
    expect(message / rejected).toBeGreaterThanOrEqual(0.95);
    expect(processed / cases.length).toBeGreaterThanOrEqual(0.95);
  }, 120_000);
});

describe('a file of cases', () => {
  it('gives programs whose map loads name their maps', () => {
    const lddw = '1811000000000000' + '0000000000000000';
    const text = `${JSON.stringify({ hex: `${lddw}b7000000000000009500000000000000`, fixups: { fixup_map_hash_8b: [0] } })}\n\n`;
    const [program] = parseCorpus(text);
    expect(program!.maps).toHaveLength(1);
    expect(program!.insns[0]!.imm).toBe(0);
    expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).accepted).toBe(true);
  });

  it.each([
    ['{"hex":"b7"}', /line 1/],
    ['{}', /line 1/],
    ['null', /line 1/],
    ['\n{"hex":', /line 2/],
    ['{"hex":"9500000000000000","fixups":{"no_such_map":[0]}}', /no_such_map/],
    ['{"hex":"9500000000000000","fixups":{"fixup_map_hash_8b":[7]}}', /loads no map/],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => parseCorpus(text)).toThrow(InputError);
    expect(() => parseCorpus(text)).toThrow(message);
  });
});
