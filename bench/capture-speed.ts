/**
 * How fast captures open and filter: `npm run long capture-speed`. A million generated packets are indexed, followed (flows, streams put
 * together) and filtered; a file of 4 GB is indexed and filtered. Seconds of wall and processor, and the most memory that the process held meanwhile.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile } from '../src/cli/file-source.ts';
import { Analysis } from '../src/traces/analysis.ts';
import { type Capture, openCapture } from '../src/traces/capture/capture.ts';
import { Dissection } from '../src/traces/dissect/dissection.ts';
import { compileFilter } from '../src/traces/filter/compile.ts';
import { type MadePacket, pcapFile } from '../src/traces/testing/capture-files.ts';
import { PacketMaker } from './packets.ts';

const PACKETS = 1_000_000;
/** So many are made by the generator; the capture holds them again and again, in other connections and later each time. */
const MADE = 50_000;
const LARGE_BYTES = 4 * 2 ** 30 + 1;
const SAMPLE_MS = 20;
/** From fields that stand in every packet to what needs streams put together. */
const FILTERS = [
  'frame.len > 100',
  'tcp.port == 80',
  'ip.src == 10.0.0.0/8 && tcp.flags.syn == 1',
  'frame contains "example"',
  'http.host contains "example"',
  'dns.qry.name matches "^www"',
];

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMB: number;
}

async function measured<T>(work: () => Promise<T>): Promise<[T, Measured]> {
  globalThis.gc?.();
  let peak = process.memoryUsage.rss();
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE_MS);
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(sampler);
  peak = Math.max(peak, process.memoryUsage.rss());
  const round = (number: number, digits: number) => Math.round(number * 10 ** digits) / 10 ** digits;
  return [
    value,
    { seconds: round((performance.now() - start) / 1e3, 2), cpuSeconds: round((user + system) / 1e6, 2), peakMB: Math.round(peak / 1e6) },
  ];
}

/** Writes parts one behind the other, of which only the first keeps the header of the file; returns how long it is. */
function writeParts(path: string, parts: Iterable<Uint8Array>): number {
  const file = openSync(path, 'w');
  let bytes = 0;
  for (const part of parts) bytes += writeSync(file, part, bytes === 0 ? 0 : 24);
  closeSync(file);
  return bytes;
}

function* million(): Generator<Uint8Array> {
  const made = new PacketMaker(7).make(MADE);
  for (let round = 0; round * MADE < PACKETS; round++)
    yield pcapFile(made.map((one) => ({ ...one, data: otherAddress(one.data, round), seconds: one.seconds! + 100 * round })));
}

function* large(): Generator<Uint8Array> {
  const part = pcapFile(longPackets());
  for (let bytes = 0; bytes < LARGE_BYTES; bytes += part.length - 24) yield part;
}

/** The last byte of an IPv4 source and destination moved, so that other connections come each time. */
function otherAddress(data: Uint8Array, round: number): Uint8Array {
  const moved = data.slice();
  if (moved.length > 34 && moved[12] === 8 && moved[13] === 0) {
    moved[29]! ^= round;
    moved[33]! ^= round;
  }
  return moved;
}

async function filtered(capture: Capture, text: string): Promise<number> {
  const filter = compileFilter(text);
  const out = new Dissection();
  let passed = 0;
  await new Analysis(capture).follow(out, {}, filter.wanted, () => {
    if (filter.test(out)) passed++;
  });
  return passed;
}

async function openAndFilter(path: string, filters: readonly string[]): Promise<object> {
  const file = await openFile(path);
  const [capture, open] = await measured(() => openCapture(file));
  const [, follow] = await measured(() => new Analysis(capture).follow(new Dissection()));
  const byFilter: Record<string, object> = {};
  for (const text of filters) {
    const [passed, cost] = await measured(() => filtered(capture, text));
    byFilter[text] = { passed, ...cost };
  }
  return { packets: capture.count, open, follow, filters: byFilter };
}

export default async function captureSpeed(): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'capture-speed-'));
  try {
    const path = join(folder, 'made.pcap');
    const small = { bytes: writeParts(path, million()), ...(await openAndFilter(path, FILTERS)) };
    console.error(JSON.stringify(small));
    return { million: small, fourGB: { bytes: writeParts(path, large()), ...(await openAndFilter(path, FILTERS.slice(0, 2))) } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Full segments of bulk transfers: a packet in three carries 8 kB, others 1,400 bytes. */
function longPackets(): MadePacket[] {
  return new PacketMaker(8).make(8000).map((one, at) => {
    const data = new Uint8Array(one.data.length + (at % 3 === 0 ? 8192 : 1400));
    data.set(one.data);
    return { ...one, data, original: data.length };
  });
}
