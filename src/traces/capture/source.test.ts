import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteSource, Cursor, memorySource } from './source.ts';

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 255);

/** A source that answers later, and keeps what it was asked. */
function slow(bytes: Uint8Array, known = true) {
  const asked: [number, number][] = [];
  const source: ByteSource = {
    name: 'slow',
    size: known ? bytes.length : null,
    async read(offset, length) {
      asked.push([offset, length]);
      await Promise.resolve();
      return bytes.subarray(offset, offset + length);
    },
  };
  return { source, asked };
}

describe('Cursor', () => {
  it('shows the bytes of the source wherever it is moved, whatever came ahead', async () => {
    const steps = fc.array(
      fc.record({
        skip: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -80, max: 400 })),
        length: fc.integer({ min: 1, max: 60 }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 1, max: 120 }),
        fc.boolean(),
        steps,
        async (size, chunk, known, moves) => {
          const bytes = bytesOf(size);
          const cursor = new Cursor(slow(bytes, known).source, chunk);
          let at = 0;
          for (const { skip, length } of moves) {
            at = Math.max(0, at + skip);
            const have = await cursor.load(at, length);
            expect(have).toBeGreaterThanOrEqual(Math.min(length, Math.max(0, size - at)));
            const count = Math.max(0, Math.min(length, have));
            const row = at - cursor.base;
            expect([...cursor.bytes.subarray(row, row + count)]).toEqual([...bytes.subarray(at, at + count)]);
            if (count > 0) expect(cursor.view.getUint8(row)).toBe(bytes[at]);
            at += length;
          }
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  it('reads a file of records once, a piece ahead', async () => {
    const { source, asked } = slow(bytesOf(10_000));
    const cursor = new Cursor(source, 1000);
    for (let at = 0; at < 10_000; at += 50) {
      if (cursor.holds(at, 16)) continue;
      const waiting = asked.length;
      await cursor.load(at, 16);
      // The window that is needed had been asked for already; the one after it is asked for now.
      if (at > 0) expect(asked.length - waiting).toBeLessThanOrEqual(1);
    }
    expect(asked.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(11_500);
  });

  it('tells of a failed read where its bytes are needed, and not before', async () => {
    let reads = 0;
    const { source } = slow(bytesOf(5000));
    const cursor = new Cursor(
      { ...source, read: async (at, length) => (reads++ === 0 ? source.read(at, length) : Promise.reject(new Error('gone'))) },
      1000,
    );
    expect(await cursor.load(0, 16)).toBe(1000);
    await new Promise((resolve) => setTimeout(resolve));
    await expect(cursor.load(1000, 16)).rejects.toThrow('gone');
  });

  it('reads nothing ahead of the end', async () => {
    const asked: number[] = [];
    const whole = memorySource(bytesOf(800));
    const read: ByteSource['read'] = (at, length) => {
      asked.push(at);
      return whole.read(at, length);
    };
    const cursor = new Cursor({ ...whole, read }, 1000);
    await cursor.load(0, 16);
    expect(asked).toEqual([0]);
  });
});
