// Numbers of https://www.tcpdump.org/linktypes.html. Those that are dissected have a constant; the others have a word.

export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;
/** Raw IP: 12 and 14 are the numbers that BSDs and old Linuxes wrote (DLT_RAW of their systems). */
export const RAW_IP: ReadonlySet<number> = new Set([12, 14, LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6]);
/** Not of that list: records of a pcapng file that are no packets. */
export const RECORD_CUSTOM = -1;
export const RECORD_SYSDIG = -2;
export const RECORD_JOURNAL = -3;

/** Whether frames of a link type are dissected; others are bytes. */
export const isDissected = (linkType: number): boolean =>
  RAW_IP.has(linkType) || [LINKTYPE_NULL, LINKTYPE_ETHERNET, LINKTYPE_LOOP, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2].includes(linkType);

const NAMES: Readonly<Record<number, string>> = {
  [RECORD_CUSTOM]: 'custom block',
  [RECORD_SYSDIG]: 'sysdig event',
  [RECORD_JOURNAL]: 'systemd journal entry',
  0: 'BSD loopback',
  1: 'Ethernet',
  3: 'AX.25',
  6: 'token ring',
  7: 'ARCNET',
  8: 'SLIP',
  9: 'PPP',
  10: 'FDDI',
  12: 'raw IP',
  14: 'raw IP',
  50: 'PPP over HDLC',
  51: 'PPP over Ethernet',
  101: 'raw IP',
  104: 'Cisco HDLC',
  105: '802.11',
  107: 'frame relay',
  108: 'OpenBSD loopback',
  109: 'OpenBSD encapsulated IP',
  113: 'Linux cooked v1',
  117: 'OpenBSD pflog',
  119: '802.11 with a Prism header',
  122: 'IP over Fibre Channel',
  123: 'SunATM',
  127: '802.11 with radiotap',
  129: 'ARCNET of Linux',
  139: 'MTP2 with a header',
  140: 'MTP2',
  141: 'MTP3',
  142: 'SCCP',
  143: 'DOCSIS',
  144: 'IrDA',
  163: '802.11 with an AVS header',
  165: 'BACnet MS/TP',
  177: 'LAPD of Linux',
  187: 'Bluetooth HCI',
  189: 'USB of Linux',
  190: 'CAN 2.0b',
  192: 'PPI',
  195: '802.15.4',
  196: 'SITA',
  197: 'ERF',
  201: 'Bluetooth HCI with a direction',
  202: 'AX.25 KISS',
  203: 'LAPD',
  204: 'PPP with a direction',
  209: 'I2C of Linux',
  215: '802.15.4 without ASK',
  220: 'USB of Linux, padded',
  224: 'Fibre Channel FC-2',
  227: 'SocketCAN',
  228: 'raw IPv4',
  229: 'raw IPv6',
  230: '802.15.4 without a checksum',
  231: 'D-Bus',
  235: 'DVB-CI',
  239: 'Linux netfilter log',
  240: 'netANALYZER',
  242: 'IP over InfiniBand',
  243: 'MPEG-2 transport stream',
  245: 'NFC LLCP',
  247: 'InfiniBand',
  248: 'SCTP',
  249: 'USBPcap',
  251: 'Bluetooth low energy',
  252: 'Wireshark upper PDU',
  253: 'netlink of Linux',
  254: 'Bluetooth monitor of Linux',
  256: 'Bluetooth low energy with a header',
  258: 'PKTAP',
  263: 'Zigbee bandwidth',
  266: 'USB of Darwin',
  268: 'VPP dispatch trace',
  270: 'ISO 14443',
  272: 'Nordic BLE',
  274: 'Ethernet mPackets',
  275: 'DisplayPort AUX',
  276: 'Linux cooked v2',
  277: 'Sercos monitor',
  279: 'EBHSCR',
  280: 'VPP graph',
  281: 'DSA of Broadcom',
  283: '802.15.4 with TAP',
};

/** The word for frames of a link type. */
export const linkTypeName = (linkType: number): string => NAMES[linkType] ?? `link type ${linkType}`;

const STANDARD_BYTES = 262_144;
/** The longest packet that a capture of this link type holds: what Wireshark takes as damage is damage here too (wiretap/wtap.h). */
export function longestPacket(linkType: number): number {
  if ([186, 189, 220, 231, 249, 266].includes(linkType)) return 128 * 1024 * 1024;
  return linkType === 279 ? 8 * 1024 * 1024 : STANDARD_BYTES;
}

/** Bytes of the header that Wireshark reads in front of each packet's data, which a packet must therefore have. */
const HEADERS: Readonly<Record<number, number>> = { 123: 4, 139: 4, 144: 16, 177: 16, 196: 5, 201: 4, 204: 1, 209: 5, 245: 2, 254: 4 };
export const shortestPacket = (linkType: number): number => HEADERS[linkType] ?? 0;

/** Protocol that the cooked headers of IrDA and LAPD name in their last two bytes: others are refused. */
const COOKED_PROTOCOLS: Readonly<Record<number, number>> = { 144: 0x0017, 177: 0x0030 };
const COOKED_PROTOCOL_AT = 14;

/** What is wrong with the header in front of a packet's data at `row`; null where nothing is. */
export function wrongProtocol(linkType: number, view: DataView, row: number): string | null {
  const wanted = COOKED_PROTOCOLS[linkType];
  if (wanted === undefined) return null;
  const found = view.getUint16(row + COOKED_PROTOCOL_AT);
  return found === wanted
    ? null
    : `says protocol 0x${found.toString(16)} instead of 0x${wanted.toString(16)} in its ${linkTypeName(linkType)} header`;
}
