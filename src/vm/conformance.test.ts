import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConformanceCases, runConformanceCase } from './conformance.ts';

const folder = process.env.BPFORMER_CORPUS;
const file = folder ? `${folder}/conformance.jsonl` : '';
const found = file !== '' && existsSync(file);
if (!found) console.warn('the public conformance suite is skipped: BPFORMER_CORPUS names no folder with conformance.jsonl');

describe('conformance', () => {
  it.skipIf(!found).each(['interp', 'wasm'] as const)('every case of the public suite gives the expected r0: %s', (engine) => {
    const results = parseConformanceCases(readFileSync(file, 'utf8')).map((c) => runConformanceCase(c, engine));
    expect(results.length).toBeGreaterThan(300);
    expect(results.filter((result) => !result.ok)).toEqual([]);
  });

  const good = { name: 'two', hex: 'b7000000020000009500000000000000', mem: '', result: '0x2' };

  it('tells right from wrong results', () => {
    expect(runConformanceCase(good)).toEqual({ name: 'two', result: '0x2', ok: true });
    expect(runConformanceCase({ ...good, result: '0x3' })).toMatchObject({ result: '0x2', ok: false });
  });

  it('reports a fault as a wrong result', () => {
    const faulty = runConformanceCase({ ...good, hex: '79100000000000009500000000000000' });
    expect(faulty).toEqual({ name: 'two', result: 'insn 0: read of 8 bytes at null', ok: false });
  });

  it('names the line of a foreign case file', () => {
    expect(() => parseConformanceCases(`${JSON.stringify(good)}\n\n{"name": 3}\n`)).toThrow(/^line 3: not a conformance case/);
    expect(() => parseConformanceCases('[')).toThrow(/^line 1/);
    expect(() => parseConformanceCases('null')).toThrow(/^line 1/);
  });
});
