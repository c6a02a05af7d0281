import { PROG_TYPE_TRACEPOINT } from '../bpf/progtypes.ts';
import { BPF_CTX_TYPES, type CtxField } from './ctx-data.ts';
import { FLOW_KEYS, MAYBE_NULL, PACKET, PACKET_END, PACKET_META, SCALAR, SOCK_COMMON, SOCKET, TP_BUFFER } from './reg.ts';

const CGROUP_SKB = 8;

const RESULT: Readonly<Record<string, number>> = {
  pkt: PACKET,
  pkt_end: PACKET_END,
  pkt_meta: PACKET_META,
  sock: SOCKET,
  'sock?': SOCKET | MAYBE_NULL,
  'sock_common?': SOCK_COMMON | MAYBE_NULL,
  flow_keys: FLOW_KEYS,
  tp_buffer: TP_BUFFER,
};

function allows(sizes: string, off: number, size: number, field: CtxField): boolean {
  switch (sizes) {
    case '':
      return false;
    case 'narrow':
      return size <= field.size;
    case 'prefix':
      return off === field.from && size <= field.size;
    case 'any':
      return off + size <= field.to;
    case 'wide4':
      return size === 4 || (size === 8 && off % 8 === 0 && off + 8 <= field.to);
    case 'wide':
      // A pair of 32-bit words, 8-byte aligned within an IPv6 address.
      return size <= 4 || (size === 8 && off % 8 === 0 && off + 8 <= field.to);
    default:
      return sizes.split('|').map(Number).includes(size);
  }
}

/** Fields that programs of no privilege may not use: packet data and the time stamp (kernel `cg_skb_is_valid_access`). */
function isPrivileged(progType: number, off: number, write: boolean): boolean {
  return progType === CGROUP_SKB && ((off >= 76 && off < 84) || (write && off >= 152 && off < 160));
}

/** In `tp_prog_is_valid_access` a negative offset is compared as an unsigned one: reads in front of a tracepoint's record pass. */
function isBeforeRecord(progType: number, off: number, write: boolean): boolean {
  return progType === PROG_TYPE_TRACEPOINT && off < 0 && !write;
}

/** Type of the value that a context access yields, or -1 when the program type forbids it. */
export function ctxAccess(
  progType: number,
  attachType: number,
  off: number,
  size: number,
  write: boolean,
  signed: boolean,
  capable = true,
): number {
  if (!capable && isPrivileged(progType, off, write)) return -1;
  if (isBeforeRecord(progType, off, write)) return off % size === 0 ? SCALAR : -1;
  const layout = BPF_CTX_TYPES[progType];
  if (!layout || off < 0 || off >= layout.size || off % size !== 0) return -1;
  for (const field of layout.fields) {
    if (off < field.from || off >= field.to) continue;
    if (field.attach && !field.attach.includes(attachType)) return -1;
    if (write && field.writeAttach && !field.writeAttach.includes(attachType)) return -1;
    if (!allows(write ? field.write : field.read, off, size, field)) return -1;
    const type = field.result ? RESULT[field.result]! : SCALAR;
    if (signed && (type === PACKET || type === PACKET_END || type === PACKET_META)) return -1;
    return type;
  }
  return -1;
}
