import { InputError } from '../../base/errors.ts';
import type { GrowingColumns } from './columns.ts';
import { type IndexState, RECORDS_BETWEEN } from './index-state.ts';
import { linkTypeName, longestPacket, shortestPacket, wrongProtocol } from './link-types.ts';
import type { Cursor } from './source.ts';

// The capture format of libpcap: a 24-byte file header, then packets behind record headers (draft-ietf-opsawg-pcap). Several patched
// libpcaps wrote longer record headers, some under the usual magic number: as Wireshark does (wiretap/libpcap.c), the first
// records are read in each way, and the way in which they look best is taken.

interface Magic {
  readonly nanoseconds: boolean;
  /** Bytes of the file header. */
  readonly header: number;
  /** Bytes of record headers to choose from, the most likely first. */
  readonly records: readonly number[];
}

const STANDARD = 16;
/** The patches of Alexey Kuznetsov of April and October 1999, then that of September, then the headers of Nokia's firewalls. */
const PATCHED = 24;
const PATCHED_SUSE = 28;
const NOKIA = 20;

/** By magic number, read in the file's own byte order. */
export const MAGICS: Readonly<Record<number, Magic>> = {
  2712847316: { nanoseconds: false, header: 24, records: [STANDARD, PATCHED, NOKIA] },
  2712812621: { nanoseconds: true, header: 24, records: [STANDARD] },
  2712849716: { nanoseconds: false, header: 24, records: [PATCHED, PATCHED_SUSE] },
  // Ixia's, with the length of all records behind the header: of hardware and of software captures.
  469762476: { nanoseconds: true, header: 28, records: [STANDARD] },
  469762475: { nanoseconds: false, header: 28, records: [STANDARD] },
};

/** Original and captured length change places: always, where captured would be the longer, or never. */
type Swapped = 'always' | 'maybe' | 'never';

/** AIX writes interface types of RFC 1573 into version 2.2 files. */
const AIX_LINK_TYPES: Readonly<Record<number, number>> = { 6: 1, 9: 6, 15: 10, 24: 0 };

/** Reads a file that begins with one of {@link MAGICS}. Throws {@link InputError} where the file header cannot be used. */
export async function indexPcap(state: IndexState, magic: number, bigEndian: boolean, name: string): Promise<void> {
  const { nanoseconds: nanosecondMagic, header, records } = MAGICS[magic]!;
  const { cursor, columns } = state;
  const little = !bigEndian;
  const have = await cursor.load(0, header);
  if (have < header) {
    throw new InputError(
      `the file ends at byte ${have}, within its header of ${header} bytes`,
      name,
      'Capture again, or copy the whole file',
    );
  }
  const major = cursor.view.getUint16(4, little);
  const minor = cursor.view.getUint16(6, little);
  if (major < 2) throw new InputError(`it is of version ${major}.${minor} at byte 4; versions from 2.0 on can be read`, name);
  const word = cursor.view.getUint32(20, little);
  // The upper bits describe a frame check sequence; the ten between are reserved.
  if (word & 0x03ff0000) throw new InputError(`reserved bits of the link type at byte 20 are set (0x${word.toString(16)})`, name);
  const aix = magic === 0xa1b2c3d4 && major === 2 && minor === 2 && (word & 0xffff) in AIX_LINK_TYPES;
  const linkType = aix ? AIX_LINK_TYPES[word & 0xffff]! : word & 0xffff;
  const snapLength = cursor.view.getUint32(16, little);
  const swapped: Swapped = major === 543 || (major === 2 && minor < 3) ? 'always' : major === 2 && minor === 3 ? 'maybe' : 'never';
  const layout = { header, little, swapped, linkType, snapLength };
  const record = records.length === 1 || aix ? records[0]! : await likelyRecord(state, layout, records);
  const nanoseconds = nanosecondMagic || aix;
  state.interfaces.push({
    linkType,
    snapLength,
    name: '',
    description: '',
    comments: [],
    ticksPerSecond: nanoseconds ? '1000000000' : '1000000',
    section: 0,
    received: null,
    dropped: null,
  });

  const longest = longestPacket(linkType);
  // AIX puts three bytes of padding before FDDI frames.
  const padding = aix && linkType === 10 ? 3 : 0;
  const shortest = Math.max(shortestPacket(linkType), padding);
  const isPlain = record === STANDARD && swapped === 'never' && shortest === 0;
  const nsPerTick = nanoseconds ? 1 : 1000;
  let at = header;
  for (;;) {
    if (isPlain) {
      const before = columns.count;
      at = takePlain(columns, cursor, at, little, longest, nsPerTick);
      if (columns.count - before === RECORDS_BETWEEN) {
        const pause = state.rest(at);
        if (pause) await pause;
        continue;
      }
    }
    if (!cursor.holds(at, record)) {
      const left = await cursor.load(at, record);
      if (left <= 0) return;
      if (left < record) {
        state.damage = { offset: at, what: `packet ${columns.count + 1} is cut: its header needs ${record} bytes, ${left} are left` };
        return;
      }
    }
    const { view, base } = cursor;
    const row = at - base;
    let captured = view.getUint32(row + 8, little);
    let original = view.getUint32(row + 12, little);
    if (swapped === 'always' || (swapped === 'maybe' && captured > original)) [captured, original] = [original, captured];
    if (captured > longest) {
      const what = `packet ${columns.count + 1} claims ${captured} bytes, more than the ${longest} that ${linkTypeName(linkType)} may have`;
      state.damage = { offset: at + 8, what };
      return;
    }
    if (captured < shortest) {
      const what = `packet ${columns.count + 1} has ${captured} bytes, fewer than the ${shortest} of its ${linkTypeName(linkType)} header`;
      state.damage = { offset: at + 8, what };
      return;
    }
    const fraction = view.getUint32(row + 4, little);
    const seconds = view.getUint32(row, little);
    const data = at + record + padding;
    const end = data + captured - padding;
    if (!cursor.holds(at, end - at) && !(await cursor.reaches(end))) {
      const left = await cursor.load(data, 1);
      const what = `packet ${columns.count + 1} is cut: its ${captured - padding} bytes begin at byte ${data}, ${Math.max(0, left)} are left`;
      state.damage = { offset: at, what };
      return;
    }
    if (shortest > 0) {
      await cursor.load(data, shortest);
      const wrong = wrongProtocol(linkType, cursor.view, data - cursor.base);
      if (wrong) {
        state.damage = { offset: data, what: `packet ${columns.count + 1} ${wrong}` };
        return;
      }
    }
    columns.add(data, captured - padding, original - padding, seconds, fraction * nsPerTick, 0);
    at = end;
    const pause = state.breathe(at);
    if (pause) await pause;
  }
}

/**
 * Takes records with nothing odd about them, up to {@link RECORDS_BETWEEN}, as long as they lie in the window; gives where the next one begins. Apart from the loop that
 * waits for the file, since it runs once a packet: V8 compiles it for a tenth of what that loop takes, on threads that a page draws with.
 */
function takePlain(
  columns: GrowingColumns,
  { view, base }: Cursor,
  at: number,
  little: boolean,
  longest: number,
  nsPerTick: number,
): number {
  columns.reserve(RECORDS_BETWEEN);
  const { count, offset, captured, original, seconds, nanoseconds } = columns;
  const end = view.byteLength;
  let row = at - base;
  let packet = count;
  for (; row >= 0 && row + STANDARD <= end && packet < count + RECORDS_BETWEEN; packet++) {
    const length = view.getUint32(row + 8, little);
    const next = row + STANDARD + length;
    if (length > longest || next > end) break;
    offset[packet] = base + row + STANDARD;
    captured[packet] = length;
    original[packet] = view.getUint32(row + 12, little);
    seconds[packet] = view.getUint32(row, little);
    nanoseconds[packet] = view.getUint32(row + 4, little) * nsPerTick;
    row = next;
  }
  columns.count = packet;
  return base + row;
}

interface Layout {
  readonly header: number;
  readonly little: boolean;
  readonly swapped: Swapped;
  readonly linkType: number;
  readonly snapLength: number;
}

/** How many of the first records are looked at. */
const RECORDS_TO_TRY = 3;

async function likelyRecord(state: IndexState, layout: Layout, records: readonly number[]): Promise<number> {
  let best = { record: records[0]!, faults: Number.POSITIVE_INFINITY };
  for (const record of records) {
    const faults = await faultsOf(state, layout, record);
    if (faults === 0) return record;
    if (faults < best.faults) best = { record, faults };
  }
  return best.record;
}

/** How many things are wrong with the first record that is not right. */
async function faultsOf(
  { cursor }: IndexState,
  { header, little, swapped, linkType, snapLength }: Layout,
  record: number,
): Promise<number> {
  let at = header;
  for (let i = 0; i < RECORDS_TO_TRY; i++) {
    const left = await cursor.load(at, record);
    if (left <= 0) return 0;
    if (left < record) return 1;
    const row = at - cursor.base;
    let captured = cursor.view.getUint32(row + 8, little);
    let original = cursor.view.getUint32(row + 12, little);
    if (swapped === 'always' || (swapped === 'maybe' && captured > original)) [captured, original] = [original, captured];
    const faults = [
      cursor.view.getUint32(row + 4, little) >= 1_000_000,
      captured > longestPacket(linkType),
      original > 128 * 1024 * 1024,
      captured > snapLength,
      captured > original,
    ].filter(Boolean).length;
    if (faults > 0) return faults;
    if (!(await cursor.reaches(at + record + captured))) return 1;
    at += record + captured;
  }
  return 0;
}
