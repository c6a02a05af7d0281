import { dns, dnsOverTcp, looksLikeDns } from './dns.ts';
import { type FieldId, fieldId } from './fields.ts';
import { type Application, Conversation, frame } from './framing.ts';
import { http } from './http.ts';
import { tls } from './tls.ts';
import { vxlan, vxlanGeneric } from './vxlan.ts';
import type { Payload, ReadPortion, Walk, Wanted } from './walk.ts';

// Which application a port belongs to: the numbers that Wireshark comes with, for the protocols that are dissected here.

const DNS = fieldId('dns');
const MDNS = fieldId('mdns');
const LLMNR = fieldId('llmnr');
const HTTP = fieldId('http');
const SSDP = fieldId('ssdp');

const domainNames = (protocol: FieldId) => (walk: Walk, at: number) => walk.wanted.dns && dns(walk, at, protocol);

/** Who reads datagrams of a port. */
const UDP_PORTS: ReadonlyMap<number, (walk: Walk, at: number) => void> = new Map([
  [53, domainNames(DNS)],
  [5353, domainNames(MDNS)],
  [5355, domainNames(LLMNR)],
  [1900, (walk, at) => walk.wanted.http && http(walk, at, SSDP)],
  [4789, vxlan],
  [4790, vxlanGeneric],
]);

/** Whose the payload of a segment is: `length` bytes at `at`. */
export function payloadOf(walk: Walk, at: number, length: number, sourcePort: number, destinationPort: number): Payload {
  const bytes = walk.bytes.subarray(at, at + length);
  const whole = !walk.fragmented && !walk.quoted && walk.end >= walk.wire;
  return walk.around?.payload(bytes, whole) ?? { portions: alone(bytes, sourcePort, destinationPort), ends: false };
}

/** Reads what {@link payloadOf} said. */
export function readPayload(walk: Walk, at: number, length: number, { portions }: Payload): void {
  for (const portion of portions) {
    const { application, bytes, from, to } = portion;
    if (!wants(walk.wanted, application)) continue;
    walk.guard(() => {
      if (bytes) joined(walk, portion);
      // A segment that the capture cut goes on behind its bytes.
      else read(walk, portion, at + from, to === length ? walk.wire : at + to);
    });
  }
}

function alone(payload: Uint8Array, sourcePort: number, destinationPort: number): ReadPortion[] {
  const context = { conversation: new Conversation(), way: 0, packet: 0, sourcePort, destinationPort, mayWait: false, fin: false };
  return frame(payload, 0, payload.length, context).parts.map((part) => ({ ...part, bytes: null }));
}

export function wants(wanted: Wanted, application: Application): boolean {
  if (application === 'data') return true;
  return application === 'dns' ? wanted.dns : application === 'tls' ? wanted.tls : wanted.http;
}

function joined(walk: Walk, portion: ReadPortion): void {
  const { bytes, from, to } = portion;
  const { out } = walk;
  const before = { bytes: walk.bytes, end: walk.end, wire: walk.wire };
  const source = out.from;
  if (out.sources.at(-1) !== bytes) out.sources.push(bytes!);
  out.from = out.sources.length - 1;
  walk.bytes = bytes!;
  walk.end = bytes!.length;
  walk.wire = bytes!.length;
  read(walk, portion, from, to);
  Object.assign(walk, before);
  out.from = source;
}

function read(walk: Walk, { application, state, begun }: ReadPortion, at: number, to: number): void {
  if (application === 'tls') {
    tls(walk, at, to, state, begun);
    return;
  }
  walk.within(at, to - at, () => {
    if (application === 'dns') dnsOverTcp(walk, at);
    else if (application === 'http') http(walk, at);
    else if (application === 'http body') walk.out.close(walk.open(HTTP, at), walk.end);
    else walk.data(at);
  });
}

export function udpPayload(walk: Walk, at: number, source: number, destination: number): void {
  for (const port of [Math.min(source, destination), Math.max(source, destination)]) {
    const read = UDP_PORTS.get(port);
    if (!read) continue;
    read(walk, at);
    return;
  }
  if (looksLikeDns(walk, at)) domainNames(DNS)(walk, at);
  else walk.data(at);
}
