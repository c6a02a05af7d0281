import fc from 'fast-check';
import { deflateSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { EMPTY_PROJECT, KERNELS, type ProjectDoc } from '../document.ts';
import { applyChanges, changesFrom, decodeLink, encodeLink, LINK_PREFIX, type LinkPayload, versionOf } from './link.ts';
import { linePatch, patched } from './patch.ts';

const hash = 'ab'.repeat(32);
const byte = fc.nat(255);
const edit = fc.record({ packet: fc.nat(5000), byteOff: fc.nat(1500), value: byte });
const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((text) => text.length <= 200);
const hunk = fc
  .tuple(fc.nat(10_000), fc.nat(50), fc.array(fc.string({ maxLength: 60 }), { maxLength: 5 }))
  .map(([at, removed, added]) => [at, removed, ...added] as const);
const binding = fc.double({ min: 0.01, max: 0.99, noNaN: true }).map((threshold) => ({
  hook: 'xdp' as const,
  input: { kind: 'payload' as const, layer: 'l4_payload' as const, length: 48, pad: 256 },
  output: { kind: 'threshold' as const, class: 1, threshold, above: 'DROP' as const, below: 'PASS' as const },
}));
const options = { requiredKeys: [] as [] };
const payload: fc.Arbitrary<LinkPayload> = fc
  .record({
    base: fc.oneof(
      fc.record({
        kind: fc.constant('sample' as const),
        sample: fc.record({ id: name.filter((text) => text.length <= 80), hash: fc.constant(hash) }),
      }),
      fc.record({
        kind: fc.constant('text' as const),
        text: fc.record({
          kind: fc.constantFrom('assembly' as const, 'log' as const),
          name,
          text: fc.string({ minLength: 1, maxLength: 500 }),
        }),
      }),
    ),
    set: fc.record(
      {
        name,
        kernel: fc.constantFrom(...KERNELS),
        dims: fc.dictionary(fc.constantFrom('batch', 'seq'), fc.integer({ min: 1, max: 64 })).map((dims) => ({ ...dims })),
        binding,
        calibration: fc.constantFrom('generated' as const, 'trace' as const),
        edits: fc.array(edit, { maxLength: 40 }),
        weights: fc.array(
          fc.record({
            tensor: name,
            index: fc.nat(10_000),
            value: fc.float({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0),
          }),
          { maxLength: 20 },
        ),
      },
      options,
    ),
    fork: fc.option(
      fc.oneof(
        fc.record({ kind: fc.constant('text' as const), text: fc.string({ minLength: 1 }) }),
        fc.record({
          kind: fc.constant('lines' as const),
          from: fc.constant(hash),
          to: fc.constant(hash),
          hunks: fc.array(hunk, { maxLength: 8 }),
        }),
      ),
      { nil: undefined },
    ),
    line: fc.integer({ min: 1, max: 2 ** 31 }),
    touch: fc.record({ step: fc.nat(), quant: fc.constantFrom('w4a16', 'w1a8') }, options),
    desk: fc.constantFrom('explore', 'debug'),
  })
  .map(({ fork, ...rest }) => ({ v: 1 as const, ...rest, ...(fork ? { fork } : {}) }));

const raw = (value: unknown) =>
  LINK_PREFIX +
  Buffer.from(deflateSync(new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)))).toString('base64url');

describe('links', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(payload, (value) => {
        expect(decodeLink(encodeLink(value))).toEqual(value);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('throw nothing but InputError when they are changed or cut', () => {
    fc.assert(
      fc.property(payload, fc.nat(), fc.string({ maxLength: 3 }), fc.boolean(), (value, place, text, cut) => {
        const link = encodeLink(value);
        const at = LINK_PREFIX.length + (place % (link.length - LINK_PREFIX.length));
        try {
          decodeLink(cut ? link.slice(0, at) : link.slice(0, at) + text + link.slice(at + text.length));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('throw nothing but InputError for whatever JSON they hold', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), payload, fc.constantFrom('v', 'base', 'set', 'fork', 'select', 'desk'), (json, value, part) => {
        for (const text of [json, JSON.stringify({ ...value, [part]: JSON.parse(json) as unknown })]) {
          try {
            decodeLink(raw(text));
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        }
      }),
      { seed: 3, numRuns: 1000 },
    );
  });

  it('say what is wrong', () => {
    const good: LinkPayload = { v: 1, base: { kind: 'sample', sample: { id: 'payload-ids', hash } }, set: {} };
    expect(() => decodeLink('#x')).toThrow('holds no project');
    expect(() => decodeLink(`${LINK_PREFIX}a.b`)).toThrow('characters that no link does');
    expect(() => decodeLink(encodeLink(good).slice(0, -4))).toThrow('not whole');
    expect(() => decodeLink(raw({ ...good, v: 4 }))).toThrow('newer BPFormer');
    expect(() => decodeLink(raw({ ...good, extra: 1 }))).toThrow('/extra is unknown here');
    expect(() => decodeLink(raw({ ...good, set: { kernel: '2.6' } }))).toThrow('/set/kernel');
    expect(() => decodeLink(raw({ ...good, select: { kind: 'constructor', id: 1 } }))).toThrow('/select/kind');
    expect(() => decodeLink(LINK_PREFIX + 'A'.repeat(40_000))).toThrow('more than any that BPFormer makes');
    // A bomb: 20 MB of blanks in 20 kB.
    expect(() => decodeLink(raw(' '.repeat(20_000_000)))).toThrow('unpacks to more than any link holds');
    expect(encodeLink(good).length).toBeLessThan(200);
  });

  it('name files by their hash, and a second program', () => {
    const ref = (each: string) => ({ hash: each.repeat(64), name: `${each}.onnx`, size: 7 });
    const doc: ProjectDoc = { ...EMPTY_PROJECT, name: 'mine', source: { kind: 'model', blob: ref('a') }, trace: ref('b') };
    const parts = {
      base: { kind: 'files' as const, doc },
      against: { name: 'other', set: { quant: 'w8a8', edits: [{ packet: 1, byteOff: 2, value: 3 }] }, fork: 'exit' },
    };
    const value: LinkPayload = { v: versionOf(parts), ...parts, set: {} };
    expect(value.v).toBe(2);
    expect(decodeLink(encodeLink(value))).toEqual(value);
    const own: LinkPayload = { ...value, against: { name: 'own', doc: { ...doc, source: { kind: 'object', blob: ref('c') } } } };
    expect(decodeLink(encodeLink(own))).toEqual(own);
    const at = (change: object) => () => decodeLink(raw({ ...value, ...change }));
    expect(at({ base: { kind: 'files', doc: { ...doc, trace: { ...ref('b'), hash: '../../etc/passwd' } } } })).toThrow('SHA-256');
    expect(at({ base: { kind: 'files', doc: { ...doc, trace: { ...ref('b'), size: -1 } } } })).toThrow('/trace/size');
    expect(at({ base: { kind: 'files', doc: { ...doc, fork: { text: ref('b') } } } })).toThrow('holds edits');
    expect(at({ base: { kind: 'files', doc: { ...doc, onload: 'alert(1)' } } })).toThrow('/onload is unknown here');
    expect(at({ against: { name: 'x', doc: { ...doc, options: { ...doc.options, quant: '<b>' } } } })).toThrow('there is no precision');
    expect(at({ against: { name: 'x'.repeat(201) } })).toThrow('/against/name');
    expect(at({ against: { name: 'x', url: 'https://example.org' } })).toThrow('/against/url is unknown here');
  });

  it('carry what was changed and nothing else', () => {
    const blob = (each: string) => ({ hash: each.repeat(64), name: each, size: 1 });
    const base: ProjectDoc = {
      ...EMPTY_PROJECT,
      name: 'sample',
      source: { kind: 'model', blob: blob('a') },
      trace: blob('b'),
      calibration: { kind: 'precomputed', blob: blob('c') },
    };
    expect(changesFrom(base, base)).toEqual({});
    const doc: ProjectDoc = {
      ...base,
      name: 'mine',
      calibration: { kind: 'trace', blob: blob('b') },
      edits: [{ packet: 1, byteOff: 2, value: 3 }],
      options: { ...base.options, kernel: '6.1', dims: { batch: 2 } },
    };
    const changes = changesFrom(doc, base);
    expect(changes).toEqual({ name: 'mine', kernel: '6.1', dims: { batch: 2 }, calibration: 'trace', edits: doc.edits });
    expect(applyChanges(base, changes as never)).toEqual(doc);
    expect(changesFrom({ ...base, trace: blob('d') }, base)).toEqual({ obstacle: 'the trace d is not part of the sample' });
    expect(changesFrom({ ...base, calibration: { kind: 'trace', blob: blob('d') } }, base)).toHaveProperty('obstacle');
  });
});

describe('patches of lines', () => {
  it('make the second text of the first', () => {
    const text = fc.array(fc.constantFrom('r0 = 0', 'exit', 'r1 = r2', ''), { maxLength: 30 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(patched(before, linePatch(before, after))).toBe(after);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('are refused where they do not fit', () => {
    expect(patched('a\nb', [[1, 2]])).toBeNull();
    expect(
      patched('a\nb\nc', [
        [1, 1],
        [0, 1],
      ] as never),
    ).toBeNull();
  });
});
