import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { ethernetFrame } from './frames.ts';
import { LINKTYPE_RAW, PcapReader, readPcap } from './pcap.ts';
import { writePcap } from './testing/write-pcap.ts';

const packet = fc.record({
  data: fc.uint8Array({ maxLength: 200 }),
  seconds: fc.nat(0xffffffff),
  nanoseconds: fc.nat(999_999_999),
  originalLength: fc.nat(0xffffffff),
});
const options = fc.record({ bigEndian: fc.boolean(), nanoseconds: fc.boolean() });

describe('pcap', () => {
  it('reads back what it wrote, in both byte orders and resolutions, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), options, fc.integer({ min: 1, max: 300 }), (packets, how, step) => {
        const file = writePcap(packets, how);
        const reader = new PcapReader();
        const read = [];
        for (let at = 0; at < file.length; at += step) read.push(...reader.push(file.slice(at, at + step)));
        reader.end();
        expect(reader.damage).toBeNull();
        expect(reader.header).toMatchObject({ ...how, linkType: 1, snapLength: 262_144 });
        const kept = (ns: number) => (how.nanoseconds ? ns : Math.floor(ns / 1000) * 1000);
        expect(read).toEqual(packets.map((p, index) => ({ index, ...p, nanoseconds: kept(p.nanoseconds) })));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('reads bytes that another tool would write', () => {
    const file = Uint8Array.from(
      Buffer.from('d4c3b2a1020004000000000000000000ffff0000010000000a0000000500000003000000400000000102ff', 'hex'),
    );
    expect(readPcap(file)).toEqual({
      header: { bigEndian: false, nanoseconds: false, snapLength: 65535, linkType: 1 },
      packets: [{ index: 0, seconds: 10, nanoseconds: 5000, originalLength: 64, data: Uint8Array.of(1, 2, 255) }],
      damage: null,
    });
  });

  it('gives the whole packets of a capture that is cut, and says where', () => {
    const file = writePcap([{ data: new Uint8Array(60) }, { data: new Uint8Array(120) }]);
    const cut = readPcap(file.subarray(0, file.length - 66), 'a.pcap');
    expect(cut.packets.length).toBe(1);
    expect(cut.damage).toBeInstanceOf(InputError);
    expect(cut.damage!.message).toBe('a.pcap: packet 2 is cut: needs 120 bytes at offset 116, 54 are left');
    expect(readPcap(file.subarray(0, 105)).damage!.message).toBe('packet 2 is cut: its header needs 16 bytes at offset 100, 5 are left');
    expect(readPcap(file.subarray(0, 100)).damage).toBeNull();
  });

  it('stops at a length that no packet has', () => {
    const file = writePcap([{ data: new Uint8Array(60) }, { data: new Uint8Array(60) }]);
    new DataView(file.buffer).setUint32(24 + 76 + 8, 0xfffffff0, true);
    const { packets, damage } = readPcap(file);
    expect(packets.length).toBe(1);
    expect(damage!.message).toBe('packet 2 claims 4294967280 bytes at offset 100: the capture is damaged there');
  });

  it('refuses what is no capture, each with one clear message', () => {
    expect(() => readPcap(new Uint8Array(3), 'x')).toThrow('x: 3 bytes are too short for a capture. Open a .pcap file');
    expect(() => readPcap(new TextEncoder().encode('GET / HTTP/1.1 and more'))).toThrow(InputError);
    const pcapng = new Uint8Array(64);
    pcapng.set([0x0a, 0x0d, 0x0d, 0x0a]);
    expect(() => readPcap(pcapng)).toThrow(/pcapng format\. Open it/);
    expect(() => readPcap(writePcap([], { linkType: 113 }))).toThrow(/link type 113/);
  });

  it('survives any bytes', () => {
    const start = fc.constantFrom(writePcap([]), writePcap([], { bigEndian: true, nanoseconds: true }));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 100 }), (head, tail) => {
        const { packets } = readPcap(Uint8Array.from([...head, ...tail]));
        expect(packets.length).toBeLessThanOrEqual(tail.length / 16);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('gives raw IP packets an Ethernet header', () => {
    const v4 = Uint8Array.of(0x45, 1, 2);
    expect([...ethernetFrame(LINKTYPE_RAW, v4)].slice(12)).toEqual([0x08, 0x00, 0x45, 1, 2]);
    expect([...ethernetFrame(LINKTYPE_RAW, Uint8Array.of(0x60))].slice(12)).toEqual([0x86, 0xdd, 0x60]);
    expect(ethernetFrame(1, v4)).toBe(v4);
  });
});
