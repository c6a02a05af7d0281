import { readFileSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { FEATURE_BINDINGS } from '../testing/feature-bindings.ts';
import { FIELDS, FLOW_FEATURES } from './catalogue.ts';
import { parseAnyBinding } from './parse.ts';
import { log2Of } from './plan.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const accepts = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, strictTypes: false }).compile(
  JSON.parse(read('../binding.schema.json')),
);
const output = { kind: 'argmax', verdicts: ['PASS', 'DROP'] };
const document = (input: unknown) => ({ hook: 'xdp', input, output });

describe('bindings of features', () => {
  it.each(Object.entries(FEATURE_BINDINGS))('%s: parser and schema take it', (_, input) => {
    expect(parseAnyBinding(JSON.stringify(document(input)), 'b.json').input).toEqual(input);
    expect(accepts(document(input)), JSON.stringify(accepts.errors)).toBe(true);
  });

  it.each<[unknown, RegExp]>([
    [{ kind: 'fields', features: [] }, /\/input\/features should be a list of 1 to 512 features/],
    [
      { kind: 'fields', features: ['ip.length'] },
      /\/input\/features\/0 should be a header field, not "ip.length"; there are ip.version, .*ip.ttl/,
    ],
    [{ kind: 'fields', features: [{ name: 'ip.ttl', scale: 0 }] }, /\/scale should be a number other than 0/],
    [{ kind: 'fields', features: [{ name: 'ip.ttl', oneHot: [-1] }] }, /\/oneHot\/0 should be a whole number/],
    [{ kind: 'fields', features: ['ip.ttl'], flows: {} }, /\/input\/flows is unknown/],
    [{ kind: 'flow', features: ['ip.ttl'] }, /should be a statistic of flows/],
    [{ kind: 'flow', features: ['flow.bytes'], flows: { idleSeconds: 0 } }, /idleSeconds should be a number of seconds above 0/],
    [{ kind: 'sequence', length: 8 }, /\/input\/of is missing/],
    [{ kind: 'sequence', length: 300, of: ['size'] }, /length should be a whole number from 1 to 256/],
    [{ kind: 'sequence', length: 8, of: ['size'], tokens: { shift: 1, buckets: 2 } }, /\/input\/of is unknown/],
    [{ kind: 'concat', parts: [{ kind: 'payload' }] }, /\/parts\/0\/kind should be "fields" or "flow" or "sequence"/],
  ])('%j is refused', (input, message) => {
    expect(() => parseAnyBinding(document(input), 'b.json')).toThrow(message);
    expect(accepts(document(input))).toBe(false);
  });

  it('docs/binding.md names every feature', () => {
    const text = read('../../../docs/binding.md');
    for (const { name } of [...FIELDS, ...FLOW_FEATURES]) {
      const base = name.replace(/\.(fwd|bwd)$/, '');
      expect(text.includes(`\`${base}\``), base).toBe(true);
    }
  });
});

describe('log2Of', () => {
  it('is 256 times the logarithm, exact at powers of two and never falls', () => {
    for (let e = 0; e <= 47; e++) expect(log2Of(2 ** e - 1)).toBe(256 * e);
    let before = -1;
    for (let x = 0; x < 5000; x++) {
      expect(log2Of(x)).toBeGreaterThanOrEqual(before);
      expect(Math.abs(log2Of(x) / 256 - Math.log2(1 + x))).toBeLessThan(0.09);
      before = log2Of(x);
    }
  });
});
