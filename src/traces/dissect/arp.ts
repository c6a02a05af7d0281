import { fieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const ARP = fieldId('arp');
const HW_TYPE = fieldId('arp.hw.type');
const PROTO_TYPE = fieldId('arp.proto.type');
const HW_SIZE = fieldId('arp.hw.size');
const PROTO_SIZE = fieldId('arp.proto.size');
const OPCODE = fieldId('arp.opcode');
const GRATUITOUS = fieldId('arp.isgratuitous');
const SRC_MAC = fieldId('arp.src.hw_mac');
const SRC_IP = fieldId('arp.src.proto_ipv4');
const DST_MAC = fieldId('arp.dst.hw_mac');
const DST_IP = fieldId('arp.dst.proto_ipv4');

const REVERSE_REQUEST = 3;
const HARDWARE_ATM = 19;

/** RFC 826, with addresses of Ethernet and IPv4. */
export function arp(walk: Walk, at: number): void {
  const { out } = walk;
  // A header that begins with nothing to tell it by is not there.
  walk.need(at, 2);
  // ATM has its own protocol of that name (RFC 2225).
  if (walk.u16(at) === HARDWARE_ATM) {
    walk.data(at);
    return;
  }
  const item = walk.open(ARP, at);
  const hardwareType = walk.add16(HW_TYPE, at);
  const protocolType = walk.add16(PROTO_TYPE, at + 2);
  const hardware = walk.add8(HW_SIZE, at + 4);
  const protocol = walk.add8(PROTO_SIZE, at + 5);
  const length = 8 + 2 * (hardware + protocol);
  const operation = walk.add16(OPCODE, at + 6);
  walk.trim(item, at + length);
  const isMac = (hardwareType === 1 || hardwareType === 6) && hardware === 6;
  const isIpv4 = protocolType === 0x0800 && protocol === 4;
  const sender = at + 8;
  const target = sender + hardware + protocol;
  // Nothing is told of addresses that are not all there; who asks for its own has none to tell.
  walk.need(at, operation === REVERSE_REQUEST ? length - protocol : length);
  // Requests and replies about oneself announce an address.
  if (isIpv4 && (operation === 1 || operation === 2)) {
    if (walk.u32(sender + hardware) === walk.u32(target + hardware)) out.add(GRATUITOUS, at, 0, 1);
  }
  for (const [from, mac, ip] of [
    [sender, SRC_MAC, SRC_IP],
    [target, DST_MAC, DST_IP],
  ] as const) {
    if (hardware > 0 && isMac) walk.addBytes(mac, from, 6);
    if (protocol > 0 && isIpv4) walk.addIpv4(ip, from + hardware);
  }
  out.close(item, at + length);
}
