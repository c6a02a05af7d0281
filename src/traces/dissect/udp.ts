import { fieldId } from './fields.ts';
import { udpPayload } from './ports.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const UDP = id('udp');
const SRCPORT = id('udp.srcport');
const DSTPORT = id('udp.dstport');
const PORT = id('udp.port');
const LENGTH = id('udp.length');
const CHECKSUM = id('udp.checksum');
const STREAM = id('udp.stream');
const PAYLOAD = id('udp.payload');

/** RFC 768. */
export function udp(walk: Walk, at: number): void {
  const { out } = walk;
  const sourcePort = walk.u16(at);
  const destinationPort = walk.u16(at + 2);
  const item = walk.open(UDP, at, 8);
  out.add(SRCPORT, at, 2, sourcePort);
  out.add(DSTPORT, at + 2, 2, destinationPort);
  out.add(PORT, at, 2, sourcePort);
  out.add(PORT, at + 2, 2, destinationPort);
  const length = walk.u16(at + 4);
  out.add(LENGTH, at + 4, 2, length);
  out.close(item, at + 8);
  // Of IPv6, zero means a jumbogram (RFC 2675); below any other length that cannot be nothing is read.
  const jumbo = length === 0 && walk.addressLength === 16;
  if (length < 8 && !jumbo) return;
  out.level++;
  walk.add16(CHECKSUM, at + 6);
  const size = jumbo ? walk.wire - at : length;
  const stream = walk.around?.stream({
    protocol: 17,
    bytes: walk.bytes,
    source: walk.source,
    destination: walk.destination,
    addressLength: walk.addressLength,
    sourcePort,
    destinationPort,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    windowScale: -1,
    accurateEcn: false,
    payload: size - 8,
    complete: true,
  });
  if (stream) out.add(STREAM, at, 0, stream.stream);
  if (size > 8 && walk.end > at + 8) out.add(PAYLOAD, at + 8, walk.end - at - 8, 0);
  walk.within(at, size, () => {
    const carried = walk.end - at - 8;
    out.level--;
    if (carried > 0 || walk.wire > at + 8) udpPayload(walk, at + 8, sourcePort, destinationPort);
  });
}
