import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { blobsOf, EMPTY_PROJECT, edited, type ProjectDoc } from '../document.ts';
import { canonical, metaOf } from './record.ts';
import { parseDoc, parseHistory, parseMeta } from './schema.ts';

const blob = (name: string) => ({ hash: 'ab'.repeat(32), name, size: 12 });
const full: ProjectDoc = {
  name: 'payload-ids',
  source: { kind: 'model', blob: blob('m.onnx') },
  binding: {
    hook: 'xdp',
    input: { kind: 'payload', layer: 'l4_payload', length: 48, pad: 256 },
    output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
  },
  calibration: { kind: 'trace', blob: blob('c.pcap') },
  trace: blob('t.pcap'),
  labels: blob('l.json'),
  edits: [{ packet: 3, byteOff: 60, value: 255 }],
  options: { kernel: '6.1', strategy: 'auto', quant: 'w8a16', dims: { batch: 1 } },
  fork: { text: blob('program.s') },
};
const again = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the schema of documents', () => {
  it('takes every document that the page makes, with its undo steps', () => {
    const history = edited({ past: [], doc: EMPTY_PROJECT, future: [] }, full, 'open');
    expect(parseHistory(again(history), 'x')).toEqual(history);
    const meta = metaOf('id', { how: 'file', sample: null }, history, { createdAt: 1, changedAt: 2 }, 3);
    expect(parseMeta(again(meta), 'x')).toEqual(meta);
  });

  it('takes C that is linked with a model and an object, and keeps their bytes with it', () => {
    const { options } = full;
    const source = {
      kind: 'c',
      blob: blob('p.c'),
      links: [
        {
          kind: 'model',
          blob: { ...blob('m.onnx'), hash: 'cd'.repeat(32) },
          calibration: { kind: 'precomputed', blob: blob('c.json') },
          options,
        },
        { kind: 'object', blob: { ...blob('l.o'), hash: 'ef'.repeat(32) } },
      ],
    } as const;
    const doc: ProjectDoc = { ...EMPTY_PROJECT, source };
    expect(parseDoc(again(doc), 'x')).toEqual(doc);
    expect(blobsOf(doc).map(({ name }) => name)).toEqual(['p.c', 'm.onnx', 'c.json', 'l.o']);
    const wrong = { ...doc, source: { ...source, links: [{ kind: 'model', blob: blob('m.onnx') }] } };
    expect(() => parseDoc(again(wrong), 'x')).toThrow('/source/links/0');
  });

  it('says what is wrong and where', () => {
    const wrong = (change: object) => () => parseDoc({ ...(again(full) as object), ...change }, 'the link');
    expect(wrong({ options: { ...full.options, kernel: '4.4' } })).toThrow('the link: /options/kernel should be 6.18 or');
    expect(wrong({ extra: 1 })).toThrow('/extra is unknown here');
    expect(wrong({ trace: { ...blob('t'), hash: '../../etc/passwd' } })).toThrow('/trace/hash should be a SHA-256');
    expect(wrong({ edits: [{ packet: -1, byteOff: 0, value: 0 }] })).toThrow('/edits/0/packet');
    expect(wrong({ options: { ...full.options, dims: JSON.parse('{"__proto__": 1}') as object } })).toThrow('__proto__');
    expect(wrong({ name: 'x'.repeat(1000) })).toThrow('/name should have 1 to 200 characters');
  });

  it('throws nothing but InputError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
        for (const parse of [parseDoc, parseHistory, parseMeta]) {
          try {
            parse(value, 'x');
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        }
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('refuses every document in which one value was exchanged for one of another kind', () => {
    const paths: (readonly string[])[] = [];
    const walk = (value: unknown, path: readonly string[]) => {
      if (path.length > 0) paths.push(path);
      if (typeof value === 'object' && value !== null) for (const key of Object.keys(value)) walk((value as never)[key], [...path, key]);
    };
    walk(full, []);
    for (const path of paths) {
      const copy = again(full) as Record<string, unknown>;
      const holder = path.slice(0, -1).reduce<Record<string, unknown>>((object, key) => object[key] as Record<string, unknown>, copy);
      holder[path.at(-1)!] = Symbol.iterator;
      expect(() => parseDoc(copy, 'x'), path.join('/')).toThrow(InputError);
    }
  });
});

describe('canonical text', () => {
  it('does not depend on the order of fields', () => {
    expect(canonical({ b: 1, a: [{ d: null, c: 'x' }] })).toBe(canonical({ a: [{ c: 'x', d: null }], b: 1 }));
    expect(canonical({ a: 1 })).not.toBe(canonical({ a: 2 }));
  });
});
