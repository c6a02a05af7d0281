import { fieldId } from './fields.ts';
import { payloadOf, readPayload } from './ports.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const ICMP = id('icmp');
const IP = id('ip');
const TCP = id('tcp');
const SRCPORT = id('tcp.srcport');
const DSTPORT = id('tcp.dstport');
const PORT = id('tcp.port');
const STREAM = id('tcp.stream');
const LEN = id('tcp.len');
const SEQ = id('tcp.seq');
const SEQ_RAW = id('tcp.seq_raw');
const NXTSEQ = id('tcp.nxtseq');
const ACK = id('tcp.ack');
const ACK_RAW = id('tcp.ack_raw');
const HDR_LEN = id('tcp.hdr_len');
const FLAGS = id('tcp.flags');
/** From the highest bit down; the first covers three. */
const FLAG_BITS: readonly (readonly [field: number, shift: number, mask: number])[] = [
  [id('tcp.flags.res'), 9, 7],
  [id('tcp.flags.ae'), 8, 1],
  [id('tcp.flags.cwr'), 7, 1],
  [id('tcp.flags.ece'), 6, 1],
  [id('tcp.flags.urg'), 5, 1],
  [id('tcp.flags.ack'), 4, 1],
  [id('tcp.flags.push'), 3, 1],
  [id('tcp.flags.reset'), 2, 1],
  [id('tcp.flags.syn'), 1, 1],
  [id('tcp.flags.fin'), 0, 1],
];
/** Where both sides count marks of congestion, three of the bits are a number (RFC 9768 section 3.2.2). */
const ACE = id('tcp.flags.ace');
const ACE_SHIFT = 6;
const ACE_TOP = 8;
const WINDOW_VALUE = id('tcp.window_size_value');
const WINDOW = id('tcp.window_size');
const SCALE_FACTOR = id('tcp.window_size_scalefactor');
const CHECKSUM = id('tcp.checksum');
const URGENT = id('tcp.urgent_pointer');
const OPTIONS = id('tcp.options');
const KIND = id('tcp.option_kind');
const OPTION_LEN = id('tcp.option_len');
const MSS = id('tcp.options.mss_val');
const SHIFT = id('tcp.options.wscale.shift');
const MULTIPLIER = id('tcp.options.wscale.multiplier');
const SACK_COUNT = id('tcp.options.sack.count');
const SACK_LE = id('tcp.options.sack_le');
const SACK_RE = id('tcp.options.sack_re');
const TSVAL = id('tcp.options.timestamp.tsval');
const TSECR = id('tcp.options.timestamp.tsecr');
const PAYLOAD = id('tcp.payload');

const ANALYSIS_FLAGS = id('tcp.analysis.flags');
/** By the bits of `tcp-analysis.ts`. */
const ANALYSIS: readonly (readonly [field: number, bit: number])[] = [
  // Each kind of them.
  [id('tcp.analysis.retransmission'), 1 | 4 | 8],
  [id('tcp.analysis.out_of_order'), 2],
  [id('tcp.analysis.fast_retransmission'), 4],
  [id('tcp.analysis.spurious_retransmission'), 8],
  [id('tcp.analysis.lost_segment'), 16],
  [id('tcp.analysis.ack_lost_segment'), 32],
  [id('tcp.analysis.duplicate_ack'), 64],
  // Wireshark has it twice: as a field and as a remark.
  [id('tcp.analysis.duplicate_ack'), 64],
  [id('tcp.analysis.keep_alive'), 128],
  [id('tcp.analysis.keep_alive_ack'), 256],
  [id('tcp.analysis.zero_window'), 512],
  [id('tcp.analysis.zero_window_probe'), 1024],
  [id('tcp.analysis.zero_window_probe_ack'), 2048],
  [id('tcp.analysis.window_update'), 4096],
  [id('tcp.analysis.window_full'), 8192],
  [id('tcp.analysis.reused_ports'), 16_384],
];

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK_FLAG = 16;
const MAX_SHIFT = 14;
const MULTIPATH = 30;

const OPTION_NAMES: Readonly<Record<number, string>> = {
  0: 'End of options',
  1: 'No-operation',
  2: 'Maximum segment size',
  3: 'Window scale',
  4: 'SACK permitted',
  5: 'SACK',
  8: 'Timestamps',
  34: 'Fast open cookie',
  30: 'Multipath TCP',
};

/** RFC 9293, with the options of RFC 7323 and RFC 2018. */
export function tcp(walk: Walk, at: number): void {
  const { out } = walk;
  const sourcePort = walk.u16(at);
  const destinationPort = walk.u16(at + 2);
  const item = walk.open(TCP, at);
  out.add(SRCPORT, at, 2, sourcePort);
  out.add(DSTPORT, at + 2, 2, destinationPort);
  out.add(PORT, at, 2, sourcePort);
  out.add(PORT, at + 2, 2, destinationPort);
  const sequence = walk.u32(at + 4);
  // Of what ICMP quotes, nothing is relied on behind it: Wireshark does not say so of ICMPv6, nor of a header further inside.
  const { protocols } = out;
  const brief = protocols.at(-2) === IP && protocols.at(-3) === ICMP;
  if (brief) out.add(SEQ, at + 4, 4, sequence);
  const acknowledgment = walk.u32(at + 8);
  const header = (walk.u8(at + 12) >> 4) * 4;
  const flags = walk.u16(at + 12) & 0xfff;
  const window = walk.u16(at + 14);
  // A quoted packet is cut by whoever quotes it, and a piece does not say how long the whole is.
  const length = walk.quoted || walk.fragmented ? -1 : walk.wire - at - header;
  const known = length >= 0;
  const stream = walk.around?.stream({
    protocol: 6,
    bytes: walk.bytes,
    source: walk.source,
    destination: walk.destination,
    addressLength: walk.addressLength,
    sourcePort,
    destinationPort,
    sequence,
    acknowledgment,
    flags,
    window,
    windowScale: flags & SYN ? windowScale(walk, at + 20, at + header) : -1,
    accurateEcn: hasAccurateEcn(walk, at + 20, at + header),
    payload: known ? length : -1,
    complete: header >= 20 && walk.end >= at + header,
  });
  if (stream) out.add(STREAM, at, 0, stream.stream);
  if (known) out.add(LEN, at + 12, 1, length);
  const relative = known ? (stream?.sequenceBase ?? null) : null;
  const shown = relative === null ? sequence : (sequence - relative) >>> 0;
  if (!brief) {
    out.add(SEQ, at + 4, 4, shown);
    out.add(SEQ_RAW, at + 4, 4, sequence);
  }
  if (header < 20) {
    out.add(HDR_LEN, at + 12, 1, header);
    out.close(item, at + 20);
    return;
  }
  if (known) {
    const next = shown + length + (flags & (SYN | FIN) ? 1 : 0);
    out.add(NXTSEQ, at, 0, next >>> 0);
  }
  const base = known ? (stream?.acknowledgmentBase ?? null) : null;
  const shownAck = base === null || !(flags & ACK_FLAG) ? acknowledgment : (acknowledgment - base) >>> 0;
  out.add(ACK, at + 8, 4, shownAck);
  out.add(ACK_RAW, at + 8, 4, acknowledgment);
  out.add(HDR_LEN, at + 12, 1, header);
  out.add(FLAGS, at + 12, 2, flags);
  out.level++;
  const counting = stream?.accurateEcn && !(flags & SYN);
  for (const [field, shift, mask] of FLAG_BITS) {
    if (!counting || shift < ACE_SHIFT || shift > ACE_TOP)
      out.add(field, at + (shift > 7 ? 12 : 13), 1, ((flags >> shift) & mask) === 0 ? 0 : 1);
    else if (shift === ACE_TOP) out.add(ACE, at + 12, 2, (flags >> ACE_SHIFT) & 7);
  }
  out.level--;
  out.add(WINDOW_VALUE, at + 14, 2, window);
  windowOf(walk, at, flags, window, known ? (stream?.windowShift ?? -1) : -1, stream?.windowShift ?? -1);
  walk.add16(CHECKSUM, at + 16);
  walk.add16(URGENT, at + 18);
  if (header > 20) options(walk, at + 20, at + header, stream?.acknowledgmentBase ?? 0, shownAck);
  if (stream && stream.found !== 0) analysis(walk, at, stream.found);
  const behind = at + header;
  const carried = Math.min(walk.end, walk.wire) - behind;
  const ends = known && (flags & FIN) !== 0;
  // What comes with a reset is a cause in words.
  if (flags & RST) {
    out.close(item, at + header + Math.max(0, carried));
    if (ends && stream) readPayload(walk, behind, 0, payloadOf(walk, behind, 0, sourcePort, destinationPort));
    return;
  }
  const payload = carried > 0 || ends ? payloadOf(walk, behind, Math.max(0, carried), sourcePort, destinationPort) : null;
  // What the end of the stream completes is shown as put together alone.
  if (carried > 0 && !payload!.ends) out.add(PAYLOAD, behind, carried, 0);
  out.close(item, behind);
  if (payload) readPayload(walk, behind, Math.max(0, carried), payload);
}

function analysis({ out }: Walk, at: number, found: number): void {
  out.add(ANALYSIS_FLAGS, at, 0, 1);
  for (const [field, bit] of ANALYSIS) if (found & bit) out.add(field, at, 0, 1);
}

/** The window as its sender means it: the factor was agreed on by the two SYNs. */
function windowOf({ out }: Walk, at: number, flags: number, window: number, applied: number, shift: number): void {
  out.add(WINDOW, at + 14, 2, flags & SYN || applied < 0 ? window : window * 2 ** applied);
  if (!(flags & SYN)) out.add(SCALE_FACTOR, at + 14, 2, shift < 0 ? shift : 2 ** shift);
}

/** Finds an option for which `is` says yes, and that is all there; -1 without one. */
function findOption({ bytes, end: held }: Walk, from: number, to: number, is: (at: number, length: number) => boolean): number {
  const end = Math.min(to, held);
  for (let at = from; at + 1 < end && bytes[at] !== 0; ) {
    const length = bytes[at] === 1 ? 1 : bytes[at + 1]!;
    if (bytes[at] !== 1 && (length < 2 || at + length > end)) break;
    if (is(at, length)) return at;
    at += length;
  }
  return -1;
}

function windowScale(walk: Walk, from: number, to: number): number {
  const at = findOption(walk, from, to, (option, length) => walk.bytes[option] === 3 && length === 3);
  return at < 0 ? -1 : Math.min(MAX_SHIFT, walk.bytes[at + 2]!);
}

const ACCURATE_ECN: ReadonlySet<number> = new Set([172, 174]);
/** Experiments with a number (RFC 6994), and the two that became options. */
const EXPERIMENTS: ReadonlySet<number> = new Set([253, 254]);
const ACCURATE_ECN_EXPERIMENTS: ReadonlySet<number> = new Set([0xacc0, 0xacc1]);

/** Counters of bytes with marks of congestion, up to three of three bytes each (RFC 9768 section 3.2.3). */
function hasAccurateEcn(walk: Walk, from: number, to: number): boolean {
  const counters = (length: number): boolean => length >= 0 && length <= 9 && length % 3 === 0;
  const found = findOption(walk, from, to, (at, length) => {
    const kind = walk.bytes[at]!;
    if (ACCURATE_ECN.has(kind)) return counters(length - 2);
    return EXPERIMENTS.has(kind) && counters(length - 4) && ACCURATE_ECN_EXPERIMENTS.has((walk.bytes[at + 2]! << 8) | walk.bytes[at + 3]!);
  });
  return found >= 0;
}

function options(walk: Walk, from: number, to: number, base: number, acknowledgment: number): void {
  const { out } = walk;
  const held = Math.min(to, walk.end) - from;
  const all = out.add(OPTIONS, from, Math.max(0, held), 0);
  if (held <= 0) walk.need(from, 1);
  out.level++;
  for (let at = from; at < to; ) {
    const kind = walk.u8(at);
    const single = kind === 0 || kind === 1;
    const room = to - at;
    const length = single ? 1 : room > 1 ? walk.u8(at + 1) : 0;
    const item = out.group(at, Math.max(1, Math.min(length, room)), OPTION_NAMES[kind] ?? `Option ${kind}`);
    if (!single && (length < 2 || length > room)) {
      // Wireshark's remark is about all the bytes behind it, which must be there.
      if (length > room) walk.need(at, room - 2);
      out.level = out.depth[item]!;
      break;
    }
    out.add(KIND, at, 1, kind);
    if (!single) out.add(OPTION_LEN, at + 1, 1, length);
    if (kind === 2 && length === 4) walk.add16(MSS, at + 2);
    else if (kind === 3 && length === 3) {
      const shift = walk.add8(SHIFT, at + 2);
      out.add(MULTIPLIER, at + 2, 1, 2 ** Math.min(MAX_SHIFT, shift));
    } else if (kind === 5) walk.within(at, length, () => sack(walk, at, length, base, acknowledgment));
    else if (kind === MULTIPATH) walk.within(at, length, () => walk.need(at, multipathLength(walk, at)));
    else if (kind === 8 && length === 10) {
      walk.add32(TSVAL, at + 2);
      walk.add32(TSECR, at + 6);
    }
    out.level = out.depth[item]!;
    at += length;
    // Behind the end only padding is shown.
    if (kind === 0 && at < to && walk.u8(at) !== 0) {
      walk.need(at, to - at);
      break;
    }
  }
  out.level = out.depth[all]!;
}

const CAPABLE = 0;
const DATA_SEQUENCE = 2;

/** How long an option of multipath TCP is at least, as its flags say (RFC 8684 sections 3.1 and 3.3). */
function multipathLength(walk: Walk, at: number): number {
  const subtype = walk.u8(at + 2) >> 4;
  if (subtype === CAPABLE) return 4;
  if (subtype !== DATA_SEQUENCE) return 3;
  const flags = walk.u8(at + 3);
  const acknowledgment = flags & 1 ? (flags & 2 ? 8 : 4) : 0;
  return 4 + acknowledgment + (flags & 4 ? (flags & 8 ? 8 : 4) + 6 : 0);
}

/** Blocks that the receiver has beyond the acknowledged ones; their edges count from the start of the other side's stream. */
function sack(walk: Walk, at: number, length: number, base: number, acknowledgment: number): void {
  const { out } = walk;
  const end = at + length;
  let blocks = 0;
  for (let edge = at + 2; edge + 4 <= end; edge += 8) {
    out.add(SACK_LE, edge, 4, (walk.u32(edge) - base) >>> 0);
    if (edge + 8 > end) break;
    out.add(SACK_RE, edge + 4, 4, (walk.u32(edge + 4) - base) >>> 0);
    blocks++;
  }
  out.add(SACK_COUNT, at, 0, blocks);
  // Without a block, 0 stands for its edge, and what is acknowledged beyond makes Wireshark look for it (RFC 2883).
  if (blocks === 0 && acknowledgment >>> 31 === 0) walk.need(at + 2, 8);
}
