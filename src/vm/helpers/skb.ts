import { checksumDifference, replaceByDifference, replaceWord16, replaceWord32 } from '../checksum.ts';
import {
  EACCES,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOTSUPP,
  type Helper,
  type HelperTable,
  type Machine,
  pointer,
  s32,
  u32,
  unsigned,
} from '../machine.ts';
import type { SkbPacket } from '../skb.ts';

const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;
/** Flags of bpf_skb_store_bytes. */
const INVALIDATE_HASH = 2;
const STORE_FLAGS = 3;
/** Low bits of the flags of the checksum helpers: the field's size; above: BPF_F_PSEUDO_HDR, MARK_MANGLED_0, MARK_ENFORCE, IPV6. */
const FIELD_SIZE = 15;
const PSEUDO_HEADER = 16;
const MANGLED_ZERO = 32;
const ENFORCE = 64;
const IPV6 = 128;
/** Flags of bpf_skb_adjust_room without encapsulation: BPF_F_ADJ_ROOM_FIXED_GSO, NO_CSUM_RESET. */
const ROOM_FLAGS = 1 | 32;
/** Where a user id is not known (overflowuid). */
const NOBODY = 65534;
/** Number that this machine gives its only socket and its only network namespace. */
const COOKIE = 1;

function withPacket(run: (m: Machine, packet: SkbPacket) => number): Helper {
  return (m) => {
    if (!m.skb) throw m.fault('this helper is for programs that see socket buffers');
    return run(m, m.skb);
  };
}

function storeBytes(m: Machine, packet: SkbPacket): number {
  const offset = u32(m, 2);
  const length = u32(m, 4);
  const from = pointer(m, 3, length, false);
  const flags = unsigned(m, 5);
  if (flags > STORE_FLAGS) return -EINVAL;
  const at = offset > 0x7fffffff ? null : packet.address(offset, length);
  if (at === null) return -EFAULT;
  m.space.bytes.copyWithin(at, from, from + length);
  if (flags & INVALIDATE_HASH) packet.setMark('hash', 0);
  return 0;
}

/** What a failed read leaves is zero. */
function loadTo(m: Machine, at: number | null, length: number): number {
  const to = pointer(m, 3, length, true);
  if (at === null) m.space.bytes.fill(0, to, to + length);
  else m.space.bytes.copyWithin(to, at, at + length);
  return at === null ? -EFAULT : 0;
}

function replaceChecksum(m: Machine, packet: SkbPacket, transport: boolean): number {
  const offset = u32(m, 2);
  const from = u32(m, 3);
  const to = u32(m, 4);
  const flags = unsigned(m, 5);
  if (flags > (transport ? FIELD_SIZE | PSEUDO_HEADER | MANGLED_ZERO | ENFORCE | IPV6 : FIELD_SIZE)) return -EINVAL;
  const at = offset > 0xffff || offset & 1 ? null : packet.address(offset, 2);
  if (at === null) return -EFAULT;
  const { view } = m.space;
  const old = view.getUint16(at, true);
  const mayBeZero = (flags & MANGLED_ZERO) !== 0;
  if (mayBeZero && !(flags & ENFORCE) && old === 0) return 0;
  const size = flags & FIELD_SIZE;
  let sum: number;
  if (size === 0) {
    if (unsigned(m, 3) !== 0) return -EINVAL;
    sum = replaceByDifference(old, to);
  } else if (size === 2) {
    // inet_proto_csum_replace2 counts in 32 bits, so that another zero may come out.
    sum = (transport ? replaceWord32 : replaceWord16)(old, from & 0xffff, to & 0xffff);
  } else if (size === 4) sum = replaceWord32(old, from, to);
  else return -EINVAL;
  view.setUint16(at, mayBeZero && sum === 0 ? 0xffff : sum, true);
  return 0;
}

function checksumDiff(m: Machine): number {
  const fromSize = u32(m, 2);
  const toSize = u32(m, 4);
  // Since 6.13 the sizes need not be multiples of four.
  const from = pointer(m, 1, fromSize, false);
  const to = pointer(m, 3, toSize, false);
  const { bytes } = m.space;
  return checksumDifference(bytes.subarray(from, from + fromSize), bytes.subarray(to, to + toSize), u32(m, 5), m.spend);
}

/** A hash of the packet's first bytes; the kernel's depends on a secret. Never zero, which means none. */
function computeHash(m: Machine, packet: SkbPacket): number {
  const known = packet.hash;
  if (known !== 0) return known;
  let hash = 0x811c9dc5;
  const at = packet.address(0, 0)!;
  for (const byte of m.space.bytes.subarray(at, at + Math.min(packet.length, 64))) hash = Math.imul(hash ^ byte, 0x01000193);
  packet.setMark('hash', hash >>> 0 || 1);
  return packet.hash;
}

/** The direction is a single flag; the others have none. */
function redirectTo(m: Machine, flagsArg: number): number {
  if (unsigned(m, flagsArg) !== 0) return TC_ACT_SHOT;
  m.redirect = { ifindex: u32(m, 1) };
  return TC_ACT_REDIRECT;
}

/** No sockets are open in this machine: lookups find none, and no socket is of the kind asked for. */
const noSocket: Helper = () => 0;

export const SKB_HELPERS: HelperTable = {
  9: withPacket(storeBytes),
  10: withPacket((m, packet) => replaceChecksum(m, packet, false)),
  11: withPacket((m, packet) => replaceChecksum(m, packet, true)),
  17: () => 0,
  18: withPacket((m, packet) => packet.vlanPush(u32(m, 2) & 0xffff, u32(m, 3) & 0xffff)),
  19: withPacket((_, packet) => packet.vlanPop()),
  24: () => 0,
  26: withPacket((m, packet) => {
    const [offset, length] = [u32(m, 2), u32(m, 4)];
    return loadTo(m, offset > 0x7fffffff ? null : packet.address(offset, length), length);
  }),
  28: checksumDiff,
  31: withPacket((m, packet) => packet.changeProto(u32(m, 2) & 0xffff, unsigned(m, 3))),
  32: withPacket((m, packet) => packet.changeType(u32(m, 2))),
  34: withPacket(computeHash),
  38: withPacket((m, packet) => packet.changeTail(u32(m, 2), unsigned(m, 3))),
  // Packets lie in one piece: there is nothing to pull.
  39: withPacket((m, packet) => (u32(m, 2) <= packet.length ? 0 : -ENOMEM)),
  // The device leaves no complete checksum in this machine, nor in a test run.
  40: () => -ENOTSUPP,
  41: withPacket((_, packet) => {
    packet.setMark('hash', 0);
    return 0;
  }),
  43: withPacket((m, packet) => packet.changeHead(u32(m, 2), unsigned(m, 3))),
  46: () => COOKIE,
  47: () => NOBODY,
  48: withPacket((m, packet) => {
    packet.setMark('hash', u32(m, 2));
    return 0;
  }),
  50: withPacket((m, packet) => {
    const flags = unsigned(m, 4);
    if (flags & ~ROOM_FLAGS || flags > 0xffff)
      throw m.fault(`flags 0x${flags.toString(16)} of bpf_skb_adjust_room are not available in this machine`);
    return packet.adjustRoom(s32(m, 2), u32(m, 3));
  }),
  68: withPacket((m, packet) => {
    const [offset, length, start] = [u32(m, 2), u32(m, 4), u32(m, 5)];
    if (start > 1) return loadTo(m, null, length);
    return loadTo(m, offset > 0xffff ? null : packet.addressFrom(start === 0 ? 'mac' : 'net', offset, length), length);
  }),
  82: () => -ENOENT,
  84: noSocket,
  85: noSocket,
  86: () => 0,
  95: (m) => unsigned(m, 1),
  96: noSocket,
  98: noSocket,
  99: noSocket,
  122: () => COOKIE,
  135: withPacket((m) => {
    const level = unsigned(m, 2);
    if (level > 3) return -EINVAL;
    return level === 0 ? -EACCES : 0;
  }),
  136: noSocket,
  137: noSocket,
  138: noSocket,
  139: noSocket,
  140: noSocket,
  152: (m) => redirectTo(m, 4),
  155: (m) => redirectTo(m, 2),
};
