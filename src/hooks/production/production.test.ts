import { readFileSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { parseAnyBinding } from '../features/parse.ts';
import { randomPackets } from '../testing/packets.ts';
import { COUNTERS, COUNTERS_BYTES, readCounters } from './binding.ts';
import { flowHash, flowIsSampled } from './flow-hash.ts';
import { BUCKETS, bucketEnd, bucketOf, bucketStart, percentile, readHistogram } from './histogram.ts';

const accepts = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, strictTypes: false }).compile(
  JSON.parse(readFileSync(new URL('../binding.schema.json', import.meta.url), 'utf8')),
);
const payload = { kind: 'payload', layer: 'l4_payload', length: 48, pad: 256 };
const output = { kind: 'argmax', verdicts: ['PASS', 'DROP'] };
const document = (production: unknown, input: unknown = payload) => ({ hook: 'xdp', input, output, production });
const message = (source: unknown): string => {
  try {
    parseAnyBinding(source, 'b.json');
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  return '';
};

describe('the binding of a program in production', () => {
  it.each([
    {},
    { shadow: true },
    { latency: true, shadow: false },
    { sample: { oneIn: 1, by: 'event' } },
    { sample: { oneIn: 2 ** 31 - 1, by: 'flow' }, latency: true },
  ])('takes %j', (production) => {
    expect(message(document(production))).toBe('');
    expect(accepts(document(production))).toBe(true);
  });

  it.each<[unknown, RegExp]>([
    [true, /\/production should be an object/],
    [{ shadow: 1 }, /\/production\/shadow should be true or false, not 1/],
    [{ kill: true }, /\/production\/kill is unknown; here can be shadow, sample, latency/],
    [{ sample: { oneIn: 0, by: 'flow' } }, /\/production\/sample\/oneIn should be a whole number from 1 to 2147483647, not 0/],
    [{ sample: { oneIn: 2, by: 'host' } }, /\/production\/sample\/by should be "event" or "flow", not "host"/],
    [{ sample: { oneIn: 2 } }, /\/production\/sample\/by is missing/],
  ])('refuses %j', (production, expected) => {
    expect(message(document(production))).toMatch(expected);
    expect(accepts(document(production))).toBe(false);
  });

  it('goes with events, not with tensors, and system calls have no flows', () => {
    expect(message({ hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' }, production: {} })).toMatch(
      /\/production does not go with an input of kind "tensor"/,
    );
    const calls = (production: unknown) =>
      message({
        ...document(production, { kind: 'syscalls', length: 8, every: 4 }),
        hook: 'tracepoint',
        output: { kind: 'argmax', verdicts: ['PASS', 'TAG'] },
      });
    expect(calls({ shadow: true, sample: { oneIn: 2, by: 'event' } })).toBe('');
    expect(calls({ sample: { oneIn: 2, by: 'flow' } })).toMatch(/\/production\/sample\/by "flow" is for packets/);
  });
});

describe('the histogram', () => {
  test('every number lies in one bucket, which is narrow', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 53, noNaN: true }), (bits) => {
        const ns = Math.floor(2 ** bits) - 1;
        const bucket = bucketOf(ns);
        expect(ns).toBeGreaterThanOrEqual(bucketStart(bucket));
        expect(ns).toBeLessThanOrEqual(bucketEnd(bucket));
        expect(bucketEnd(bucket) - bucketStart(bucket)).toBeLessThanOrEqual(bucketStart(bucket) / 8);
      }),
      { seed: 1, numRuns: 2000 },
    );
    for (let bucket = 1; bucket < 400; bucket++) expect(bucketOf(bucketStart(bucket)) - bucketOf(bucketEnd(bucket - 1))).toBe(1);
  });

  test('percentiles are upper ends of the bucket that holds them', () => {
    const counts = new Array<number>(BUCKETS).fill(0);
    expect(percentile(counts, 0.5)).toBeNull();
    counts[bucketOf(1000)] = 98;
    counts[bucketOf(50_000)] = 2;
    expect(percentile(counts, 0.5)).toBe(bucketEnd(bucketOf(1000)));
    expect(percentile(counts, 0.98)).toBe(bucketEnd(bucketOf(1000)));
    expect(percentile(counts, 0.99)).toBe(bucketEnd(bucketOf(50_000)));
  });

  test('processors are added up', () => {
    const value = new BigUint64Array(2 * BUCKETS);
    value[3] = 5n;
    value[BUCKETS + 3] = 7n;
    expect(readHistogram(new Uint8Array(value.buffer))[3]).toBe(12);
    const counters = new BigUint64Array((2 * COUNTERS_BYTES) / 8);
    counters[COUNTERS.indexOf('scored')] = 1n;
    counters[COUNTERS.length + COUNTERS.indexOf('scored')] = 2n;
    expect(readCounters(new Uint8Array(counters.buffer)).scored).toBe(3);
  });
});

/** The packet of the other direction: addresses and ports change places. */
function answered(frame: Uint8Array): Uint8Array {
  const back = frame.slice();
  const swap = (a: number, b: number, bytes: number) => {
    back.set(frame.subarray(b, b + bytes), a);
    back.set(frame.subarray(a, a + bytes), b);
  };
  swap(26, 30, 4);
  swap(34, 36, 2);
  return back;
}

describe('the hash of a flow', () => {
  const plain = (seed: number) =>
    randomPackets(seed, 4000).filter(
      (f) => f.length >= 54 && f[12] === 8 && f[13] === 0 && f[14] === 0x45 && f[20]! % 64 === 0 && f[23] === 6,
    );

  test('is the same in both directions', () => {
    const packets = plain(3);
    expect(packets.length).toBeGreaterThan(300);
    for (const packet of packets) expect(flowHash(answered(packet))).toBe(flowHash(packet));
  });

  test('takes the share that was asked for, others with another seed', () => {
    const packets = plain(4);
    for (const oneIn of [2, 8]) {
      const share = packets.filter((packet) => flowIsSampled(packet, oneIn, 0)).length / packets.length;
      expect(Math.abs(share - 1 / oneIn)).toBeLessThan(0.06);
    }
    const chosen = (seed: number) => packets.map((packet) => flowIsSampled(packet, 2, seed));
    const same = chosen(0).filter((one, i) => one === chosen(77)[i]).length / packets.length;
    expect(Math.abs(same - 0.5)).toBeLessThan(0.08);
  });
});
