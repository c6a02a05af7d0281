import { InputError } from '../base/errors.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  linkTypeName,
  RAW_IP,
} from './capture/link-types.ts';

const ETHERNET_HEADER = 14;

/**
 * A packet as an XDP program on an Ethernet device gets it: what was captured without an Ethernet header gains one of zero addresses in place of
 * the header that it has. Throws {@link InputError} for link types whose frames are nothing that Ethernet carries.
 */
export function ethernetFrame(linkType: number, data: Uint8Array, name = ''): Uint8Array {
  if (linkType === LINKTYPE_ETHERNET) return data;
  if (RAW_IP.has(linkType)) return framed(ipType(data), data);
  // Linux cooked capture holds the type of Ethernet; loopback is followed by IP.
  if (linkType === LINKTYPE_LINUX_SLL) return framed(u16(data, 14), data.subarray(16));
  if (linkType === LINKTYPE_LINUX_SLL2) return framed(u16(data, 0), data.subarray(20));
  if (linkType === LINKTYPE_NULL || linkType === LINKTYPE_LOOP) return framed(ipType(data.subarray(4)), data.subarray(4));
  throw new InputError(
    `the capture holds frames of ${linkTypeName(linkType)}, which no Ethernet device passes to a program`,
    name,
    'Capture Ethernet, raw IP, or on "any"',
  );
}

const u16 = (data: Uint8Array, at: number): number => ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);

const ipType = (data: Uint8Array): number => (data.length > 0 && data[0]! >> 4 === 6 ? 0x86dd : 0x0800);

function framed(etherType: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + payload.length);
  frame[12] = etherType >> 8;
  frame[13] = etherType & 0xff;
  frame.set(payload, ETHERNET_HEADER);
  return frame;
}
