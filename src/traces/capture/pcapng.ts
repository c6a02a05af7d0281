import { InputError } from '../../base/errors.ts';
import { ipv4Text, ipv6Text } from '../addresses.ts';
import type { CaptureInterface, IndexState } from './index-state.ts';
import { linkTypeName, longestPacket, RECORD_CUSTOM, RECORD_JOURNAL, RECORD_SYSDIG, shortestPacket, wrongProtocol } from './link-types.ts';
import { OPT_COMMENT, type Option, type OptionRules, optionText, optionTexts, readOptions } from './options.ts';
import { Ticks } from './ticks.ts';

// The pcapng format (draft-ietf-opsawg-pcapng). A file is a list of blocks, each with its type, its length, a body and its length
// again. Where Wireshark gives a file up (wiretap/pcapng.c), so do we, so that both count the same packets.

const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const NAMES = 4;
const STATISTICS = 5;
const PACKET = 6;
const JOURNAL = 9;
const SECRETS = 10;
const CUSTOM: ReadonlySet<number> = new Set([0x0bad, 0x40000bad]);
/** Events of sysdig, with the bytes that each has at least. */
const SYSDIG: Readonly<Record<number, number>> = { 516: 12 + 24, 534: 12 + 28, 545: 12 + 28 };
/** A block's type and twice its length. */
const FRAME = 12;
/** The largest packet, its fixed part and 128 kB of options. */
const MAX_BLOCK = 32 + 128 * 1024 * 1024 + 131_072;
/** The shortest journal entry is a time stamp of one digit. */
const MIN_JOURNAL = 23;

const OPT_NAME = 2;
const OPT_DESCRIPTION = 3;
const OPT_RESOLUTION = 9;
const OPT_FILTER = 11;
const OPT_OFFSET = 14;
const OPT_RECEIVED = 4;
const OPT_DROPPED = 5;

/** Thrown within this file only: a block that cannot be read. */
class Broken {
  readonly at: number;
  readonly what: string;

  constructor(at: number, what: string) {
    this.at = at;
    this.what = what;
  }
}

interface Section {
  readonly little: boolean;
  readonly index: number;
  /** Of each of its interfaces: the row in the capture's list, and how it counts time. */
  readonly rows: number[];
  readonly ticks: Ticks[];
}

/** A block in the window of the cursor. */
interface Block {
  readonly at: number;
  readonly type: number;
  /** Its whole length, a multiple of four. */
  readonly length: number;
  readonly view: DataView;
  /** Offset of the block in `view`. */
  readonly row: number;
  readonly little: boolean;
}

/** Reads a file that begins with a section header. Throws {@link InputError} where that cannot be used. */
export async function indexPcapng(state: IndexState, name: string): Promise<void> {
  const { cursor } = state;
  let section: Section | null = null;
  let at = 0;
  try {
    for (;;) {
      if (!cursor.holds(at, 12)) {
        const left = await cursor.load(at, 12);
        if (left <= 0) return;
        if (left < 8) throw new Broken(at, `${left} bytes are left for a block, which begins with 8`);
      }
      const { header, little } = blockHeader(state, at, section);
      const length = header.length;
      if (!cursor.holds(at, length)) {
        const left = await cursor.load(at, length);
        if (left < length) throw new Broken(at, `a block of ${length} bytes is cut after ${left}`);
      }
      const row = at - cursor.base;
      const block: Block = { at, type: header.type, length, view: cursor.view, row, little };
      const trailer = (cursor.view.getUint32(row + length - 4, little) + 3) & ~3;
      // Damage within a block is told before damage of its end.
      if (header.type === SECTION) section = readSection(state, block);
      else readBlock(state, block, section!);
      if (trailer !== length) throw new Broken(at + length - 4, `a block of ${length} bytes ends with the length ${trailer >>> 0}`);
      commit(state);
      at += length;
      const pause = state.breathe(at);
      if (pause) await pause;
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    rollBack(state);
    if (!section) throw new InputError(`it stops being a pcapng file at byte ${error.at}: ${error.what}`, name);
    state.damage = { offset: error.at, what: error.what };
  }
}

/** A packet counts once the end of its block is known to be right. */
const counted = new WeakMap<IndexState, number>();
const commit = (state: IndexState) => counted.set(state, state.columns.count);
function rollBack(state: IndexState): void {
  const count = counted.get(state) ?? 0;
  for (let at = count; at < state.columns.count; at++) state.comments.delete(at);
  state.columns.count = count;
}

function blockHeader(
  { cursor }: IndexState,
  at: number,
  section: Section | null,
): { header: { type: number; length: number }; little: boolean } {
  const row = at - cursor.base;
  const { view } = cursor;
  // A section header's type reads the same in both byte orders.
  const isSection = view.getUint32(row, true) === SECTION;
  if (!isSection && !section) throw new Broken(at, 'it does not begin with a section header');
  let little = section?.little ?? true;
  if (isSection) {
    if (!cursor.holds(at, 12)) throw new Broken(at, 'a section header is cut');
    little = view.getUint32(row + 8, true) === BYTE_ORDER;
    if (!little && view.getUint32(row + 8, false) !== BYTE_ORDER) {
      throw new Broken(
        at + 8,
        `a section's byte order reads 0x${view
          .getUint32(row + 8, false)
          .toString(16)
          .padStart(8, '0')}`,
      );
    }
  }
  const type = isSection ? SECTION : view.getUint32(row, little);
  const length = Math.ceil(view.getUint32(row + 4, little) / 4) * 4;
  if (length > MAX_BLOCK) throw new Broken(at + 4, `a block claims ${length} bytes, more than the ${MAX_BLOCK} that a block may have`);
  const least = isSection ? 28 : leastLength(type);
  if (length < least) throw new Broken(at + 4, `a block of type 0x${type.toString(16)} claims ${length} bytes, it has at least ${least}`);
  return { header: { type, length }, little };
}

function leastLength(type: number): number {
  if (type === INTERFACE) return FRAME + 8;
  if (type === OLD_PACKET || type === PACKET) return FRAME + 20;
  if (type === SIMPLE_PACKET || type === NAMES || CUSTOM.has(type)) return FRAME + 4;
  if (type === STATISTICS) return FRAME + 12;
  if (type === SECRETS) return FRAME + 8;
  if (type === JOURNAL) return FRAME + MIN_JOURNAL;
  return SYSDIG[type] ?? FRAME;
}

function options(block: Block, from: number, rules: OptionRules): Option[] {
  const read = readOptions(block.view, block.row + from, block.row + block.length - 4, block.little, rules);
  if (!Array.isArray(read)) throw new Broken(block.at + read.at - block.row, read.what);
  return read;
}

const anything: OptionRules = () => null;

function readSection(state: IndexState, block: Block): Section {
  const { view, row, little } = block;
  const major = view.getUint16(row + 12, little);
  const minor = view.getUint16(row + 14, little);
  if (major !== 1 || (minor !== 0 && minor !== 2)) {
    throw new Broken(block.at + 12, `a section is of version ${major}.${minor}; 1.0 and 1.2 can be read`);
  }
  const read = options(block, 24, anything);
  state.sections.push({
    bigEndian: !little,
    hardware: optionText(read, 2),
    os: optionText(read, 3),
    application: optionText(read, 4),
    comments: optionTexts(read, OPT_COMMENT),
  });
  return { little, index: state.sections.length - 1, rows: [], ticks: [] };
}

function readBlock(state: IndexState, block: Block, section: Section): void {
  const { type } = block;
  if (type === PACKET || type === OLD_PACKET) readPacket(state, block, section);
  else if (type === SIMPLE_PACKET) readSimplePacket(state, block, section);
  else if (type === INTERFACE) readInterface(state, block, section);
  else if (type === NAMES) readNames(state, block);
  else if (type === STATISTICS) readStatistics(state, block, section);
  else if (type === SECRETS) readSecrets(state, block);
  else if (CUSTOM.has(type)) addRecord(state, block, RECORD_CUSTOM, 12);
  else if (type === JOURNAL) readJournal(state, block);
  else if (type in SYSDIG) addRecord(state, block, RECORD_SYSDIG, 8);
  else state.unknownBlocks++;
}

const interfaceRules: OptionRules = (code, value) => (code === OPT_FILTER && value.length < 1 ? 'a filter option is empty' : null);

function readInterface(state: IndexState, block: Block, section: Section): void {
  const { view, row, little } = block;
  const read = options(block, 16, interfaceRules);
  const resolution = read.find(({ code, value }) => code === OPT_RESOLUTION && value.length === 1)?.value[0] ?? 6;
  const shift = read.find(({ code, value }) => code === OPT_OFFSET && value.length === 8)?.value;
  const seconds = shift ? Number(new DataView(shift.buffer, shift.byteOffset).getBigInt64(0, little)) : 0;
  const ticks = new Ticks(resolution, seconds);
  section.ticks.push(ticks);
  section.rows.push(state.interfaces.length);
  state.interfaces.push({
    linkType: view.getUint16(row + 8, little),
    snapLength: view.getUint32(row + 12, little),
    name: optionText(read, OPT_NAME),
    description: optionText(read, OPT_DESCRIPTION),
    comments: optionTexts(read, OPT_COMMENT),
    ticksPerSecond: ticks.perSecond.toString(),
    section: section.index,
    received: null,
    dropped: null,
  });
}

/** Lengths of the options of packets: flags, drop count, packet id, queue, verdict. */
const packetRules: OptionRules = (code, { length, 0: first }) => {
  const wants = code === 2 || code === 6 ? 4 : code === 4 || code === 5 ? 8 : code === 7 && (first === 1 || first === 2) ? 9 : length;
  if (length !== wants) return `option ${code} of a packet has ${length} bytes instead of ${wants}`;
  return code === 7 && length === 0 ? 'a verdict option of a packet is empty' : null;
};

function readPacket(state: IndexState, block: Block, section: Section): void {
  const { view, row, little } = block;
  const wide = block.type === PACKET;
  const index = wide ? view.getUint32(row + 8, little) : view.getUint16(row + 8, little);
  const captured = view.getUint32(row + 20, little);
  const padded = Math.ceil(captured / 4) * 4;
  const number = state.columns.count + 1;
  if (block.length < 32 + padded) {
    throw new Broken(block.at + 20, `packet ${number} claims ${captured} bytes, its block of ${block.length} has no room for them`);
  }
  if (index >= section.ticks.length) {
    throw new Broken(block.at + 8, `packet ${number} names interface ${index}, its section has ${section.ticks.length}`);
  }
  checkPacket(state.interfaces[section.rows[index]!]!, captured, block.at + 20, number, view, row + 28);
  // Most packets have no options.
  const read = block.length > 32 + padded ? options(block, 28 + padded, packetRules) : [];
  const { seconds, nanoseconds } = section.ticks[index]!.time(view.getUint32(row + 12, little), view.getUint32(row + 16, little));
  const comments = read.length > 0 ? optionTexts(read, OPT_COMMENT) : [];
  if (comments.length > 0) state.comments.set(state.columns.count, comments);
  state.columns.add(block.at + 28, captured, view.getUint32(row + 24, little), seconds, nanoseconds, section.rows[index]!);
}

function readSimplePacket(state: IndexState, block: Block, section: Section): void {
  const { view, row, little } = block;
  const number = state.columns.count + 1;
  if (section.ticks.length === 0) throw new Broken(block.at, `packet ${number} is simple, and its section has no interface`);
  const about = state.interfaces[section.rows[0]!]!;
  const original = view.getUint32(row + 8, little);
  const captured = about.snapLength === 0 ? original : Math.min(original, about.snapLength);
  if (block.length < 16 + Math.ceil(captured / 4) * 4) {
    throw new Broken(block.at + 8, `packet ${number} claims ${captured} bytes, its block of ${block.length} has no room for them`);
  }
  checkPacket(about, captured, block.at + 8, number, view, row + 12);
  state.columns.add(block.at + 12, captured, original, Number.NaN, 0, section.rows[0]!);
}

/** `at` is where the length stands, `data` where the packet begins in `view`. */
function checkPacket({ linkType }: CaptureInterface, captured: number, at: number, number: number, view: DataView, data: number): void {
  const longest = longestPacket(linkType);
  const shortest = shortestPacket(linkType);
  if (captured > longest) {
    throw new Broken(at, `packet ${number} claims ${captured} bytes, more than the ${longest} that ${linkTypeName(linkType)} may have`);
  }
  if (captured < shortest) {
    throw new Broken(at, `packet ${number} has ${captured} bytes, fewer than the ${shortest} of its ${linkTypeName(linkType)} header`);
  }
  const wrong = wrongProtocol(linkType, view, data);
  if (wrong) throw new Broken(at, `packet ${number} ${wrong}`);
}

function readNames(state: IndexState, block: Block): void {
  const { view, row, little } = block;
  const end = row + block.length - 4;
  let at = row + 8;
  const broken = (what: string) => new Broken(block.at + at - row, what);
  while (at < end) {
    if (end - at < 4) throw broken('a name record is cut');
    const type = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    const padded = (length + 3) & ~3;
    if (padded > end - at - 4) throw broken(`a name record of ${length} bytes does not fit into its block`);
    at += 4;
    if (type === 0) break;
    const address = type === 1 ? 4 : type === 2 ? 16 : 0;
    if (address > 0) {
      if (length < address) throw broken(`a name record of ${length} bytes is shorter than its address`);
      const value = new Uint8Array(view.buffer, view.byteOffset + at, length);
      const text = address === 4 ? ipv4Text(value, 0) : ipv6Text(value, 0);
      for (let from = address; from < length; ) {
        const zero = value.indexOf(0, from);
        if (zero < 0) throw broken('a name does not end');
        state.names.push({ address: text, name: new TextDecoder().decode(value.subarray(from, zero)) });
        from = zero + 1;
      }
    }
    at += padded;
  }
  options(block, at - row, anything);
}

function readStatistics(state: IndexState, block: Block, section: Section): void {
  const { view, row, little } = block;
  const read = options(block, 20, anything);
  const index = section.rows[view.getUint32(row + 8, little)];
  if (index === undefined) return;
  const count = (code: number): number | null => {
    const value = read.find((one) => one.code === code && one.value.length === 8)?.value;
    return value ? Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, little)) : null;
  };
  state.interfaces[index] = { ...state.interfaces[index]!, received: count(OPT_RECEIVED), dropped: count(OPT_DROPPED) };
}

function readSecrets(state: IndexState, { view, row, length, at, little }: Block): void {
  const secrets = view.getUint32(row + 12, little);
  if (secrets > length - 20) throw new Broken(at + 12, `secrets of ${secrets} bytes do not fit into their block of ${length}`);
  state.secrets++;
}

function readJournal(state: IndexState, block: Block): void {
  let end = block.row + block.length - 4;
  while (end > block.row + 8 && block.view.getUint8(end - 1) === 0) end--;
  const length = end - block.row - 8;
  if (length < MIN_JOURNAL) throw new Broken(block.at, `a journal entry has ${length} bytes, it has at least ${MIN_JOURNAL}`);
  addRecord(state, block, RECORD_JOURNAL, 8, length);
}

/** Records that are no packets count as such in Wireshark; they are shown as bytes. */
function addRecord(state: IndexState, block: Block, linkType: number, from: number, length = block.length - from - 4): void {
  let index = state.interfaces.findIndex((one) => one.linkType === linkType);
  if (index < 0) {
    index = state.interfaces.length;
    const nothing = { snapLength: 0, name: '', description: '', comments: [], ticksPerSecond: '1', received: null, dropped: null };
    state.interfaces.push({ ...nothing, linkType, section: state.sections.length - 1 });
  }
  state.columns.add(block.at + from, length, length, Number.NaN, 0, index);
}
