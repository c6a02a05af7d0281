import fc from 'fast-check';
import { gzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { type MadePacket, pcapFile, pcapngFile, zstdFile } from '../testing/capture-files.ts';
import { type Capture, openCapture } from './capture.ts';
import { memorySource } from './source.ts';
import { ZstdDecoder } from './zstd.ts';
import { MOST_BLOCK_BYTES } from './zstd-frames.ts';

const open = (bytes: Uint8Array) => openCapture(memorySource(bytes, 'test'));

const packetOf = fc.record({
  data: fc.uint8Array({ maxLength: 60 }),
  seconds: fc.nat(2 ** 31 - 1),
  fraction: fc.nat(999_999),
});
const packetsOf = fc.array(packetOf, { maxLength: 8 });

async function expectPackets(capture: Capture, packets: readonly MadePacket[], perSecond: number): Promise<void> {
  expect(capture.damage).toBeNull();
  expect(capture.count).toBe(packets.length);
  for (const [at, { data, seconds, fraction }] of packets.entries()) {
    // Of large ones `toEqual` takes long.
    if (data.length > 100) expect(Buffer.compare(await capture.packet(at), data)).toBe(0);
    else expect(await capture.packet(at)).toEqual(data);
    expect(capture.columns.seconds[at]).toBe(seconds);
    expect(capture.columns.nanoseconds[at]).toBe(fraction! * (1e9 / perSecond));
  }
}

describe('openCapture', () => {
  it('reads pcap in both byte orders and units', async () => {
    await fc.assert(
      fc.asyncProperty(packetsOf, fc.boolean(), fc.boolean(), async (packets, little, nanoseconds) => {
        const magic = nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
        await expectPackets(await open(pcapFile(packets, { little, magic })), packets, nanoseconds ? 1e9 : 1e6);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('reads thousands of packets over several pieces of the file, to where it is cut', async () => {
    // Records lie across the pieces that are read, and short and long ones follow each other.
    const packets = Array.from({ length: 3000 }, (_, at) => ({
      data: new Uint8Array(at % 3 === 0 ? (at * 7) % 2500 : at % 61).fill(at),
      seconds: at,
      fraction: at,
    }));
    const whole = pcapFile(packets, { magic: 0xa1b23c4d });
    expect(whole.length).toBeGreaterThan(1 << 20);
    await expectPackets(await open(whole), packets, 1e9);
    for (const damaged of [whole.length - 1, (1 << 20) + 3, whole.length - 2000]) {
      const capture = await open(whole.subarray(0, damaged));
      let [at, count] = [24, 0];
      while (at + 16 + packets[count]!.data.length <= damaged) at += 16 + packets[count++]!.data.length;
      expect([capture.count, capture.damage?.offset]).toEqual([count, at]);
    }
    // A length that no packet has, deep within the file: the packets before stand.
    const bad = whole.slice();
    let row = 24;
    for (let at = 0; at < 2210; at++) row += 16 + packets[at]!.data.length;
    bad.fill(0xff, row + 8, row + 12);
    const capture = await open(bad);
    expect([capture.count, capture.damage?.offset]).toEqual([2210, row + 8]);
  });

  it('reads pcapng in both byte orders, exactly to the tick', async () => {
    await fc.assert(
      fc.asyncProperty(packetsOf, fc.boolean(), fc.constantFrom(6, 9), async (packets, little, resolution) => {
        await expectPackets(await open(pcapngFile(packets, { little, resolution })), packets, 10 ** resolution);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('says at which byte a cut capture stops, and keeps the packets before', async () => {
    const packets = [3, 0, 17, 8].map((length) => ({ data: new Uint8Array(length).fill(length) }));
    // Of nanosecond files there is one kind; among microsecond ones a cut file may look like a whole one of another kind.
    for (const make of [(of: MadePacket[]) => pcapFile(of, { magic: 0xa1b23c4d }), (of: MadePacket[]) => pcapngFile(of)]) {
      const whole = make(packets);
      // Ends of the file at which it is whole, though shorter.
      const ends = packets.map((_, at) => make(packets.slice(0, at)).length);
      for (let length = make([]).length; length < whole.length; length++) {
        const capture = await open(whole.subarray(0, length));
        const count = ends.filter((end) => end <= length).length - 1;
        expect([length, capture.count]).toEqual([length, count]);
        if (ends.includes(length)) expect(capture.damage).toBeNull();
        else expect(capture.damage!.offset).toBeGreaterThanOrEqual(ends[count]!);
      }
    }
  });

  it('never throws anything but an InputError, whatever the bytes', async () => {
    const whole = pcapngFile([{ data: new Uint8Array(20), comment: 'one' }, { data: new Uint8Array(3) }]);
    const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, fc.boolean(), async (changes, packed) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const capture = await open(packed ? gzipSync(bytes) : bytes);
          expect(capture.count).toBeLessThanOrEqual(2);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('cuts simple packets at the snap length, and has no time for them', async () => {
    const capture = await open(pcapngFile([{ data: new Uint8Array(8), original: 100 }], { simple: true, snapLength: 8 }));
    expect(capture.columns.captured[0]).toBe(8);
    expect(capture.columns.original[0]).toBe(100);
    expect(capture.columns.seconds[0]).toBeNaN();
  });

  it('keeps comments of packets', async () => {
    const capture = await open(pcapngFile([{ data: new Uint8Array(1) }, { data: new Uint8Array(5), comment: 'naïve' }]));
    expect([...capture.comments]).toEqual([[1, ['naïve']]]);
  });

  it('says what a file is that is no capture', async () => {
    await expect(open(new TextEncoder().encode('snoop\0\0\0\0\0\0\x02'))).rejects.toThrow('byte 0: it is a Solaris snoop capture');
    await expect(open(new Uint8Array(0))).rejects.toThrow('byte 0: the file is empty');
  });

  it('stops when told to', async () => {
    const many = pcapFile(Array.from({ length: 20_000 }, () => ({ data: new Uint8Array(1) })));
    let asked = 0;
    const progress = { report: () => asked++, cancelled: true };
    const slow = {
      ...memorySource(many),
      read: async (offset: number, length: number) => {
        const until = performance.now() + 15;
        while (performance.now() < until);
        return many.subarray(offset, offset + length);
      },
    };
    await expect(openCapture(slow, { progress })).rejects.toBeInstanceOf(Cancelled);
    expect(asked).toBe(1);
  });
});

/** As `toEqual`, which takes a second for a megabyte. */
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** A frame that decoders pass over (RFC 8878 section 3.1.2). */
const SKIPPABLE = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

describe('packed captures', () => {
  const packets = Array.from({ length: 3000 }, (_, at) => ({
    data: Uint8Array.from({ length: 1500 }, (_, i) => ((i * at) % 251) ^ (at * 7)),
  }));
  const plain = pcapFile(packets);

  it.each<[string, Uint8Array]>([
    ['gzip', gzipSync(plain)],
    ['gzip members', Uint8Array.from([...gzipSync(plain.subarray(0, 99_999)), ...gzipSync(plain.subarray(99_999))])],
    ['zstd', zstdFile(plain)],
    ['zstd frames', Uint8Array.from([...zstdFile(plain.subarray(0, 777)), ...zstdFile(plain.subarray(777))])],
  ])('reads any packet of %s in any order', async (_, bytes) => {
    const capture = await open(bytes);
    expect(capture.count).toBe(packets.length);
    for (const at of [0, 2999, 1, 1500, 2998, 700, 699, 2000]) expect(same(await capture.packet(at), packets[at]!.data)).toBe(true);
    let seen = 0;
    for await (const batch of capture.packets(10, 2990)) {
      for (const data of batch.data) expect(same(data, packets[10 + seen++]!.data)).toBe(true);
    }
    expect(seen).toBe(2980);
  });

  it('compares the checksum of each zstd frame', async () => {
    const { h64Raw } = await xxhash();
    const sum = (part: Uint8Array): number => Number(BigInt.asUintN(32, h64Raw(part)));
    const [first, second] = [plain.subarray(0, 1_000_000), plain.subarray(1_000_000)];
    const frames = (wrong: number): Uint8Array =>
      Uint8Array.from([...zstdFile(first, sum(first)), ...SKIPPABLE, ...zstdFile(second, sum(second) ^ wrong)]);
    const whole = await open(frames(0));
    expect([whole.count, whole.damage]).toEqual([3000, null]);
    expect(same(await whole.packet(2), packets[2]!.data)).toBe(true);
    const bytes = frames(1);
    expect((await open(bytes)).damage).toMatchObject({ offset: bytes.length - 4, what: expect.stringContaining('checksum') });
  });

  it('compares the length that a zstd frame claims', async () => {
    const few = pcapFile(packets.slice(0, 20));
    // The upper two bits of the descriptor: four bytes of content size follow the window.
    const sized = (length: number): Uint8Array => {
      const frame = zstdFile(few);
      return Uint8Array.from([
        ...frame.subarray(0, 4),
        0x80,
        frame[5]!,
        ...new Uint8Array(Uint32Array.of(length).buffer),
        ...frame.subarray(6),
      ]);
    };
    expect((await open(sized(few.length))).damage).toBeNull();
    expect((await open(sized(few.length + 1))).damage).toMatchObject({ what: expect.stringContaining('another length') });
  });

  it('unpacks no more at once than a few blocks, however many a few bytes stand for', async () => {
    // 1.8 GB: blocks of one repeated byte, 128 KiB each (RFC 8878 section 3.1.1.2).
    const bomb = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3, ...new Array(14_000).fill([0x02, 0x00, 0x10, 0]).flat()]);
    const decoder = await ZstdDecoder.create();
    const piece = decoder.push(bomb);
    expect(piece.reduce((sum, { length }) => sum + length, 0)).toBe(8 * MOST_BLOCK_BYTES);
    expect([decoder.consumed, decoder.damage]).toEqual([6 + 8 * 4, null]);
    await expect(open(bomb)).rejects.toThrow('byte 0: it begins with');
  });

  it('refuses blocks and windows that no decoder should make', async () => {
    const few = zstdFile(pcapFile(packets.slice(0, 20)));
    const wide = Uint8Array.from(few);
    wide[5] = 18 << 3;
    // Its block is the last one no more.
    few[6]! &= ~1;
    const long = await open(Uint8Array.from([...few, 0x03, 0x00, 0x7f, 0]));
    expect([long.count, long.damage]).toMatchObject([20, { offset: few.length, what: expect.stringContaining('longer than 128 KiB') }]);
    await expect(open(wide)).rejects.toThrow('byte 0: a frame asks for a window of 256 MiB, more than 128');
  });

  it('says where a packed file stops being one', async () => {
    const few = pcapFile(packets.slice(0, 20));
    const text = new TextEncoder().encode('text');
    const packed = zstdFile(few);
    expect((await open(Uint8Array.from([...packed, ...text, ...text]))).damage!.offset).toBe(packed.length);
    const flags = gzipSync(few);
    flags[3] = 0x80;
    await expect(open(flags)).rejects.toThrow('byte 3: the compressed data has flags');
    const method = gzipSync(few);
    method[2] = 9;
    await expect(open(method)).rejects.toThrow('byte 2: the compressed data uses method 9');
  });

  it('shows what unpacks before the damage', async () => {
    const bytes = gzipSync(plain);
    const capture = await open(bytes.subarray(0, bytes.length / 2));
    expect(capture.count).toBeGreaterThan(0);
    expect(capture.count).toBeLessThan(3000);
    expect(capture.damage!.what).toBe('the compressed data is cut');
  });
});
