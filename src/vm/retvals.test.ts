import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCases } from '../verifier/corpus.ts';
import { runRetvals } from './retvals.ts';

const folder = process.env.BPFORMER_CORPUS;
const file = folder ? `${folder}/verifier-raw.jsonl` : '';
const found = file !== '' && existsSync(file);
if (!found) console.warn('the return values of the verifier corpus are skipped: BPFORMER_CORPUS names no folder with verifier-raw.jsonl');

/** Their programs are random numbers, and their result replaces the stated one when they are made; the kernel test compares them. */
const STATED_BEFORE_FILLING = /^ld_dw: xor semi-random/;

describe('verifier cases that state a return value', () => {
  it.skipIf(!found).each(['interp', 'wasm'] as const)('return it: %s', (engine) => {
    const cases = parseCases(readFileSync(file, 'utf8')).filter(
      (test) => test.retvals.length > 0 && !STATED_BEFORE_FILLING.test(test.descr),
    );
    const outcomes = cases.map((test) => ({ descr: test.descr, outcome: runRetvals(test, engine) }));
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'different' || outcome.kind === 'refused')).toEqual([]);
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'equal').length).toBeGreaterThan(0.9 * cases.length);
  });

  const one = (fields: object) => parseCases(JSON.stringify({ hex: 'b7000000020000009500000000000000', ...fields }))[0];

  it('tells equal, different and refused apart', () => {
    expect(runRetvals(one({ retvals: [{ retval: 2, data: '00'.repeat(64) }] }), 'interp')).toEqual({ kind: 'equal', got: 2 });
    expect(runRetvals(one({ retvals: [{ retval: 3, data: '00'.repeat(64) }] }), 'interp')).toEqual({
      kind: 'different',
      got: 2,
      expected: 3,
    });
    const calls = one({ hex: '850000001b0000009500000000000000', retvals: [{ retval: 0, data: '' }] });
    expect(runRetvals(calls, 'interp')).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('bpf_get_stackid#27 is not available'),
    });
  });
});
