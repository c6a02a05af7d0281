import { fls64 } from './w64.ts';

/**
 * A register's abstract value is `REG` consecutive int32 in an Int32Array: type, offsets, tnum, bounds, ids. The fields
 * up to `ID` are what two registers must share to be "exactly equal" (kernel `regs_exact`), so that a comparison is one loop.
 */
export const REG = 24;
export const TYPE = 0;
/** Constant offset of a pointer; for a linked scalar (`ID` with `ADD_CONST`) its distance to the others. */
export const OFF = 1;
/** By type: packet range, map index, size of memory, name index of a BTF type, index of a subprogram. */
export const AUX = 2;
export const AUX2 = 3;
export const VALUE_LO = 4;
export const VALUE_HI = 5;
export const MASK_LO = 6;
export const MASK_HI = 7;
export const SMIN_LO = 8;
export const SMIN_HI = 9;
export const SMAX_LO = 10;
export const SMAX_HI = 11;
export const UMIN_LO = 12;
export const UMIN_HI = 13;
export const UMAX_LO = 14;
export const UMAX_HI = 15;
export const S32_MIN = 16;
export const S32_MAX = 17;
export const U32_MIN = 18;
export const U32_MAX = 19;
export const ID = 20;
export const REF = 21;
export const FRAMENO = 22;
export const PRECISE = 23;

export type Regs = Int32Array;

export const INT_MIN = -2147483648;
export const INT_MAX = 2147483647;

// Types, kernel `enum bpf_reg_type`; flags above the low byte.
export const NOT_INIT = 0;
export const SCALAR = 1;
export const CTX = 2;
export const MAP_PTR = 3;
export const MAP_VALUE = 4;
export const MAP_KEY = 5;
export const STACK = 6;
export const PACKET_META = 7;
export const PACKET = 8;
export const PACKET_END = 9;
export const FLOW_KEYS = 10;
export const SOCKET = 11;
export const SOCK_COMMON = 12;
export const TCP_SOCK = 13;
export const TP_BUFFER = 14;
export const XDP_SOCK = 15;
export const BTF_ID = 16;
export const MEMORY = 17;
export const ARENA = 18;
export const BUF = 19;
export const FUNC = 20;
export const DYNPTR = 21;

export const MAYBE_NULL = 1 << 8;
export const RDONLY = 1 << 9;
export const RINGBUF = 1 << 10;
export const USER = 1 << 11;
export const PERCPU = 1 << 12;
export const RCU = 1 << 13;
export const UNTRUSTED = 1 << 14;
export const TRUSTED = 1 << 15;
/** An object that the program allocated, or a pointer to one (kernel MEM_ALLOC). */
export const ALLOC = 1 << 16;
/** A borrowed pointer to an object that a list or tree owns (kernel NON_OWN_REF). */
export const NON_OWN = 1 << 17;
/** Memory behind a dynptr, by the dynptr's kind; the packet kinds go with the packet (kernel DYNPTR_TYPE_…). */
export const DYN_LOCAL = 1 << 18;
export const DYN_RINGBUF = 1 << 19;
export const DYN_SKB = 1 << 20;
export const DYN_XDP = 1 << 21;
export const DYN_META = 1 << 22;
export const DYN_MASK = DYN_LOCAL | DYN_RINGBUF | DYN_SKB | DYN_XDP | DYN_META;

export const baseType = (type: number): number => type & 0xff;

/** Flags that vouch for a pointer to a kernel object; any other one takes that back (kernel BPF_REG_TRUSTED_MODIFIERS). */
export const TRUSTED_FLAGS = ALLOC | TRUSTED | NON_OWN;
export const isUnsafe = (type: number): boolean => (type & ~0xff & ~TRUSTED_FLAGS) !== 0;
/** A pointer to a kernel object that is known to be alive: one that is referenced always is (kernel `is_trusted_reg`). */
export const isTrusted = (type: number, ref: number): boolean => ref !== 0 || ((type & TRUSTED_FLAGS) !== 0 && !isUnsafe(type));

/** Marks in `ID` of a scalar that differs from the others of its id by the constant in `OFF` (64- or 32-bit addition). */
export const ADD_CONST32 = 1 << 30;
export const ADD_CONST64 = 1 << 31;
export const ADD_CONST = ADD_CONST32 | ADD_CONST64;

/** `range` of a packet pointer that was compared with the packet's end (kernel AT_PKT_END, BEYOND_PKT_END). */
export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

const NAMES: Readonly<Record<number, string>> = {
  [NOT_INIT]: '?',
  [SCALAR]: 'scalar',
  [CTX]: 'ctx',
  [MAP_PTR]: 'map_ptr',
  [MAP_VALUE]: 'map_value',
  [MAP_KEY]: 'map_key',
  [STACK]: 'fp',
  [PACKET]: 'pkt',
  [PACKET_META]: 'pkt_meta',
  [PACKET_END]: 'pkt_end',
  [FLOW_KEYS]: 'flow_keys',
  [SOCKET]: 'sock',
  [SOCK_COMMON]: 'sock_common',
  [TCP_SOCK]: 'tcp_sock',
  [TP_BUFFER]: 'tp_buffer',
  [XDP_SOCK]: 'xdp_sock',
  [BTF_ID]: 'ptr_',
  [MEMORY]: 'mem',
  [ARENA]: 'arena',
  [BUF]: 'buf',
  [FUNC]: 'func',
  [DYNPTR]: 'dynptr_ptr',
};

/** The kernel's word for a register type (`reg_type_str`). */
export function typeName(type: number): string {
  let prefix = '';
  if (type & RDONLY) prefix += 'rdonly_';
  if (type & RINGBUF) prefix += 'ringbuf_';
  if (type & USER) prefix += 'user_';
  if (type & PERCPU) prefix += 'percpu_';
  if (type & RCU) prefix += 'rcu_';
  if (type & UNTRUSTED) prefix += 'untrusted_';
  if (type & TRUSTED) prefix += 'trusted_';
  const base = baseType(type);
  const suffix = type & MAYBE_NULL ? (base === BTF_ID ? 'or_null_' : '_or_null') : '';
  return prefix + (NAMES[base] ?? '?') + suffix;
}

export function isPacket(type: number): boolean {
  return type === PACKET || type === PACKET_META;
}

export function isPacketAny(type: number): boolean {
  return isPacket(type) || type === PACKET_END;
}

export function isConst(r: Regs, b: number): boolean {
  return (r[b + MASK_LO]! | r[b + MASK_HI]!) === 0;
}

export function isConst32(r: Regs, b: number): boolean {
  return r[b + MASK_LO] === 0;
}

/** A scalar known to be 0 (kernel `register_is_null`). */
export function isNull(r: Regs, b: number): boolean {
  return r[b + TYPE] === SCALAR && isConst(r, b) && (r[b + VALUE_LO]! | r[b + VALUE_HI]!) === 0;
}

export function isConstScalar(r: Regs, b: number, subreg: boolean): boolean {
  return r[b + TYPE] === SCALAR && (subreg ? isConst32(r, b) : isConst(r, b));
}

/** Bits that the value can need (kernel `get_reg_width`). */
export function widthOf(r: Regs, b: number): number {
  return fls64(r[b + UMAX_LO]!, r[b + UMAX_HI]!);
}

/** smin < 0. */
export function mayBeNegative(r: Regs, b: number): boolean {
  return r[b + SMIN_HI]! < 0;
}

/** The scalar is no longer known to relate to another one. */
export function clearId(r: Regs, b: number): void {
  r[b + ID] = 0;
  r[b + OFF] = 0;
}

export function copyReg(dst: Regs, d: number, src: Regs, s: number): void {
  for (let i = 0; i < REG; i++) dst[d + i] = src[s + i]!;
}

/** Tnum and bounds become exactly this value; type, offset and ids stay. */
export function setValue(r: Regs, b: number, lo: number, hi: number): void {
  r[b + VALUE_LO] = lo;
  r[b + VALUE_HI] = hi;
  r[b + MASK_LO] = 0;
  r[b + MASK_HI] = 0;
  r[b + SMIN_LO] = lo;
  r[b + SMIN_HI] = hi;
  r[b + SMAX_LO] = lo;
  r[b + SMAX_HI] = hi;
  r[b + UMIN_LO] = lo;
  r[b + UMIN_HI] = hi;
  r[b + UMAX_LO] = lo;
  r[b + UMAX_HI] = hi;
  r[b + S32_MIN] = lo;
  r[b + S32_MAX] = lo;
  r[b + U32_MIN] = lo;
  r[b + U32_MAX] = lo;
}

/** A known value with nothing else known (kernel `__mark_reg_known`); the type stays. */
export function markKnown(r: Regs, b: number, lo: number, hi: number): void {
  r[b + OFF] = 0;
  r[b + AUX] = 0;
  r[b + AUX2] = 0;
  r[b + ID] = 0;
  r[b + REF] = 0;
  setValue(r, b, lo, hi);
}

export function markConst(r: Regs, b: number, lo: number, hi: number): void {
  r[b + TYPE] = SCALAR;
  markKnown(r, b, lo, hi);
}

/** A pointer of `type` with no offset. */
export function markPointer(r: Regs, b: number, type: number): void {
  markKnown(r, b, 0, 0);
  r[b + TYPE] = type;
}

export function markKnown32(r: Regs, b: number, value: number): void {
  r[b + VALUE_LO] = value;
  r[b + MASK_LO] = 0;
  r[b + S32_MIN] = value;
  r[b + S32_MAX] = value;
  r[b + U32_MIN] = value;
  r[b + U32_MAX] = value;
}

export function unbound64(r: Regs, b: number): void {
  r[b + SMIN_LO] = 0;
  r[b + SMIN_HI] = INT_MIN;
  r[b + SMAX_LO] = -1;
  r[b + SMAX_HI] = INT_MAX;
  r[b + UMIN_LO] = 0;
  r[b + UMIN_HI] = 0;
  r[b + UMAX_LO] = -1;
  r[b + UMAX_HI] = -1;
}

export function unbound32(r: Regs, b: number): void {
  r[b + S32_MIN] = INT_MIN;
  r[b + S32_MAX] = INT_MAX;
  r[b + U32_MIN] = 0;
  r[b + U32_MAX] = -1;
}

export function unbound(r: Regs, b: number): void {
  unbound64(r, b);
  unbound32(r, b);
}

export function markUnknown(r: Regs, b: number): void {
  r[b + TYPE] = SCALAR;
  r[b + OFF] = 0;
  r[b + AUX] = 0;
  r[b + AUX2] = 0;
  r[b + VALUE_LO] = 0;
  r[b + VALUE_HI] = 0;
  r[b + MASK_LO] = -1;
  r[b + MASK_HI] = -1;
  unbound(r, b);
  r[b + ID] = 0;
  r[b + REF] = 0;
  r[b + FRAMENO] = 0;
  r[b + PRECISE] = 0;
}

export function markNotInit(r: Regs, b: number): void {
  markUnknown(r, b);
  r[b + TYPE] = NOT_INIT;
}
