import { arp } from './arp.ts';
import type { Dissection } from './dissection.ts';
import { fieldId } from './fields.ts';
import { icmp, icmpv6 } from './icmp.ts';
import { ipv4 } from './ip.ts';
import { authentication, extensionHeaders, ipv6 } from './ipv6.ts';
import { ethernet, linkLayer, serviceVlan, vlan } from './link.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';
import { EVERYTHING, type Next, type Surroundings, Walk, type Wanted } from './walk.ts';

const FRAME = fieldId('frame');
const NUMBER = fieldId('frame.number');
const LEN = fieldId('frame.len');
const CAP_LEN = fieldId('frame.cap_len');
const TIME_EPOCH = fieldId('frame.time_epoch');
const TIME_RELATIVE = fieldId('frame.time_relative');
const TIME_DELTA = fieldId('frame.time_delta');
const INTERFACE = fieldId('frame.interface_id');
const COMMENT = fieldId('frame.comment');
/** Headers within headers: what is deeper is left as it is. */
const MAX_HEADERS = 400;
/** Nobody's frame is longer, whatever its record says. */
const MAX_LENGTH = 2 ** 31 - 1;

/** What the capture knows of a packet. */
export interface PacketFacts {
  /** From 0. */
  readonly index: number;
  readonly linkType: number;
  /** Bytes on the wire. */
  readonly original: number;
  /** Since 1970; NaN without a time. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Since the first packet and since the one before; both parts may be negative. */
  readonly relativeSeconds: number;
  readonly relativeNanoseconds: number;
  readonly deltaSeconds: number;
  readonly deltaNanoseconds: number;
  /** -1 in captures that do not number interfaces. */
  readonly interfaceIndex: number;
  readonly comments: readonly string[];
}

const next: Next = {
  ethernet,
  etherType(walk, type, at) {
    if (!deeper(walk)) return walk.data(at);
    if (type === 0x0800) ipv4(walk, at);
    else if (type === 0x86dd) ipv6(walk, at);
    else if (type === 0x0806 || type === 0x8035) arp(walk, at);
    else if (type === 0x8100 || type === 0x9100) vlan(walk, at);
    else if (type === 0x88a8) serviceVlan(walk, at);
    else walk.data(at);
  },
  ipProtocol(walk, protocol, at) {
    if (!deeper(walk)) return walk.data(at);
    if (protocol === 6) tcp(walk, at);
    else if (protocol === 17) udp(walk, at);
    else if (protocol === 1) icmp(walk, at);
    else if (protocol === 58) icmpv6(walk, at);
    else if (protocol === 51) authentication(walk, at);
    else if (protocol === 4) ipv4(walk, at);
    else if (protocol === 41) ipv6(walk, at);
    else if (protocol === 143) ethernet(walk, at);
    else if (protocol === 0 || protocol === 43 || protocol === 44 || protocol === 60) extensionHeaders(walk, protocol, at);
    else walk.data(at);
  },
};

const deeper = (walk: Walk): boolean => walk.out.protocols.length < MAX_HEADERS;

const walk = new Walk(next);

/**
 * Dissects a packet into `out`. `around` tells what other packets say about it (streams, pieces of datagrams); `wanted` leaves out
 * applications that nobody asks for. Never throws: a packet that ends within a header keeps what was read, and is marked.
 */
export function dissect(
  out: Dissection,
  frame: Uint8Array,
  facts: PacketFacts,
  around: Surroundings | null = null,
  wanted: Wanted = EVERYTHING,
): void {
  out.reset(frame);
  frameFields(out, frame, facts);
  walk.out = out;
  walk.bytes = frame;
  walk.end = frame.length;
  walk.wire = Math.max(frame.length, facts.original);
  walk.addressLength = 0;
  walk.fragmented = false;
  walk.quoted = false;
  walk.nesting = 0;
  walk.around = around;
  walk.wanted = wanted;
  walk.guard(() => {
    if (walk.wire > 0) linkLayer(walk, facts.linkType);
  });
}

function frameFields(out: Dissection, frame: Uint8Array, facts: PacketFacts): void {
  const item = out.open(FRAME, 0, frame.length, frame.length);
  if (facts.interfaceIndex >= 0) out.add(INTERFACE, 0, 0, facts.interfaceIndex);
  if (!Number.isNaN(facts.seconds)) {
    out.addTime(TIME_EPOCH, facts.seconds, facts.nanoseconds);
    out.addTime(TIME_DELTA, facts.deltaSeconds, facts.deltaNanoseconds);
    out.addTime(TIME_RELATIVE, facts.relativeSeconds, facts.relativeNanoseconds);
  }
  out.add(NUMBER, 0, 0, facts.index + 1);
  out.add(LEN, 0, 0, Math.min(facts.original, MAX_LENGTH));
  out.add(CAP_LEN, 0, 0, frame.length);
  for (const comment of facts.comments) out.addText(COMMENT, 0, 0, comment);
  out.close(item, frame.length);
}
