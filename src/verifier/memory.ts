import { ATOMIC, CMPXCHG, DW, FETCH, LOAD_ACQ, MEM, MEMSX, modeOf, STORE_REL, sizeOf, W, XCHG } from '../bpf/insn.ts';
import { MAP_FLAG_RDONLY_PROG, MAP_FLAG_WRONLY_PROG, MAP_TYPE_ARRAY } from '../bpf/maps.ts';
import type { Insn, MapDef } from '../bpf/program.ts';
import { clobberReg, readReg, writeReg } from './args.ts';
import { accessObject, readField } from './btf-access.ts';
import { ctxAccess } from './ctx.ts';
import { btfContext, hasBtfContext } from './ctx-btf.ts';
import { isLaterCtxField } from './ctx-rules.ts';
import { EACCES, EFAULT, EINVAL, type Env, EPERM, MAX_VAR_OFF } from './env.ts';
import { accessKptr, checkFields, kptrAt } from './fields.ts';
import { tnumText } from './format.ts';
import { keepSecret } from './leaks.ts';
import { boundsRepair, coerceLoaded } from './range.ts';
import {
  ARENA,
  AUX,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  FLOW_KEYS,
  ID,
  isConst,
  isPacket,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MASK_HI,
  MASK_LO,
  MAYBE_NULL,
  MEMORY,
  markKnown,
  markPointer,
  markUnknown,
  OFF,
  PACKET,
  PACKET_META,
  RDONLY,
  REG,
  type Regs,
  SCALAR,
  SMIN_HI,
  SMIN_LO,
  SOCK_COMMON,
  SOCKET,
  STACK,
  TCP_SOCK,
  TP_BUFFER,
  TYPE,
  typeName,
  UMAX_HI,
  UMAX_LO,
  UNTRUSTED,
  VALUE_HI,
  VALUE_LO,
  XDP_SOCK,
} from './reg.ts';
import { type Access, checkStackBounds, readStack, writeStack } from './stack.ts';
import { checkUnmodified } from './unmodified.ts';
import { toSigned, toUnsigned } from './w64.ts';

const FLOW_KEYS_SIZE = 56;

const BYTES: Readonly<Record<number, number>> = { [W]: 4, 8: 2, 16: 1, [DW]: 8 };

/** Name of an access that the kernel rejects because its offset is not a multiple of its size. */
const ALIGN_NAMES: Readonly<Record<number, string>> = {
  [FLOW_KEYS]: 'flow keys ',
  [MAP_KEY]: 'key ',
  [MAP_VALUE]: 'value ',
  [CTX]: 'context ',
  [STACK]: 'stack ',
  [SOCKET]: 'sock ',
  [SOCK_COMMON]: 'sock_common ',
  [TCP_SOCK]: 'tcp_sock ',
  [XDP_SOCK]: 'xdp_sock ',
};

function isAligned(r: Regs, b: number, add: number, size: number): boolean {
  // Sizes are at most 8: the low bits decide, and an unknown low bit means misaligned.
  return ((r[b + VALUE_LO]! + add) & (size - 1)) === 0 && (r[b + MASK_LO]! & (size - 1)) === 0;
}

export function checkAlignment(env: Env, r: Regs, b: number, off: number, size: number, strictOnce: boolean): void {
  const type = r[b + TYPE]!;
  const strict = env.strictAlignment || strictOnce || type === STACK;
  if (!strict || size === 1 || type === ARENA) return;
  if (isPacket(type)) {
    if (isAligned(r, b, 2 + r[b + OFF]! + off, size)) return;
    env.fail(EACCES, `misaligned packet access off 2+${tnumText(r, b)}+${r[b + OFF]}+${off} size ${size}\n`);
  }
  if (isAligned(r, b, r[b + OFF]! + off, size)) return;
  env.fail(EACCES, `misaligned ${ALIGN_NAMES[type] ?? ''}access off ${tnumText(r, b)}+${r[b + OFF]}+${off} size ${size}\n`);
}

/** One constant access within `memSize` bytes; says how it fails and returns false otherwise (kernel `__check_mem_access`). */
function fitsMemory(env: Env, regno: number, off: number, size: number, memSize: number, zeroSizeAllowed: boolean): boolean {
  if (off >= 0 && (size > 0 || (size === 0 && zeroSizeAllowed)) && off + size <= memSize) return true;
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const int32 = off | 0;
  if (type === MAP_KEY) env.say(`invalid access to map key, key_size=${memSize} off=${int32} size=${size}\n`);
  else if (type === MAP_VALUE) env.say(`invalid access to map value, value_size=${memSize} off=${int32} size=${size}\n`);
  else if (isPacket(type))
    env.say(`invalid access to packet, off=${int32} size=${size}, R${regno}(id=${r[b + ID]},off=${int32},r=${memSize})\n`);
  else env.say(`invalid access to memory, mem_size=${memSize} off=${int32} size=${size}\n`);
  return false;
}

/** Smallest and largest offset of the register both lie within `memSize` bytes (kernel `check_mem_region_access`). */
export function checkRegion(env: Env, regno: number, off: number, size: number, memSize: number, zeroSizeAllowed: boolean): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const smin = toSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
  if (smin < 0 && (off + smin < -2147483648 || smin + off < 0))
    env.fail(EACCES, `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.\n`);
  if (!fitsMemory(env, regno, smin + off, size, memSize, zeroSizeAllowed))
    env.fail(EACCES, `R${regno} min value is outside of the allowed memory range\n`);
  const umax = toUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!);
  if (umax >= MAX_VAR_OFF) env.fail(EACCES, `R${regno} unbounded memory access, make sure to bounds check any such access\n`);
  if (!fitsMemory(env, regno, umax + off, size, memSize, zeroSizeAllowed))
    env.fail(EACCES, `R${regno} max value is outside of the allowed memory range\n`);
}

export function checkMapAccessType(env: Env, map: MapDef, off: number, size: number, access: Access): void {
  if (access === 'write' && map.flags & MAP_FLAG_RDONLY_PROG)
    env.fail(EACCES, `write into map forbidden, value_size=${map.valueSize} off=${off} size=${size}\n`);
  if (access === 'read' && map.flags & MAP_FLAG_WRONLY_PROG)
    env.fail(EACCES, `read from map forbidden, value_size=${map.valueSize} off=${off} size=${size}\n`);
}

/** `isDirect`: a load or store of the program, not a helper. */
export function checkMapAccess(env: Env, regno: number, off: number, size: number, zeroSizeAllowed: boolean, isDirect: boolean): void {
  const r = env.regs;
  const b = regno * REG;
  const map = env.mapAt(r[b + AUX]!);
  checkRegion(env, regno, off, size, map.valueSize, zeroSizeAllowed);
  checkFields(env, map, r, b, off, size, isDirect);
}

/** Packet data between the start and what a comparison with the end has shown (kernel `check_packet_access`). */
export function checkPacketAccess(env: Env, regno: number, off: number, size: number, zeroSizeAllowed: boolean): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  if (r[b + SMIN_HI]! < 0) env.fail(EACCES, `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.\n`);
  const range = r[b + AUX]!;
  if (range < 0) env.fail(EINVAL, `R${regno} offset is outside of the packet\n`);
  if (!fitsMemory(env, regno, off, size, range, zeroSizeAllowed)) env.fail(EACCES, `R${regno} offset is outside of the packet\n`);
}

/** Program types that may look into the packet, and those that may not write it (kernel `may_access_direct_pkt_data`). */
const PACKET_READERS = new Set([10, 11, 19, 21, 22, 8]);
const PACKET_WRITERS = new Set([3, 4, 6, 12, 14, 16]);
const SOCKOPT = 25;

export function mayAccessPacket(env: Env, write: boolean, helperAccepts: boolean | null): boolean {
  const type = env.program.progType;
  if (type === SOCKOPT) return true;
  if (PACKET_READERS.has(type)) return !write && (helperAccepts ?? true);
  return PACKET_WRITERS.has(type) && (helperAccepts ?? true);
}

/** A read-only map whose contents are known: `.rodata`. */
function constantMap(map: MapDef): boolean {
  return map.frozen === true && map.data !== undefined && map.type === MAP_TYPE_ARRAY && (map.flags & MAP_FLAG_RDONLY_PROG) !== 0;
}

function loadConstant(r: Regs, b: number, data: Uint8Array, off: number, size: number, signed: boolean): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let lo: number;
  let hi = 0;
  if (size === 8) {
    lo = view.getInt32(off, true);
    hi = view.getInt32(off + 4, true);
  } else if (signed) {
    lo = size === 1 ? view.getInt8(off) : size === 2 ? view.getInt16(off, true) : view.getInt32(off, true);
    hi = lo >> 31;
  } else {
    lo = size === 1 ? view.getUint8(off) : size === 2 ? view.getUint16(off, true) : view.getInt32(off, true);
  }
  r[b + TYPE] = SCALAR;
  markKnown(r, b, lo, hi);
}

/** Checks one load or store through register `regno` and gives register `value` its new meaning on a load. */
export function checkMemAccess(
  env: Env,
  insnIdx: number,
  regno: number,
  insnOff: number,
  size: number,
  access: Access,
  value: number,
  strictOnce: boolean,
  signed: boolean,
): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  checkAlignment(env, r, b, insnOff, size, strictOnce);
  const off = insnOff + r[b + OFF]!;
  const read = access === 'read';
  switch (type) {
    case MAP_VALUE:
      if (!read) keepSecret(env, value, 'into map');
      accessMapValue(env, regno, off, size, access, value, signed);
      break;
    case STACK:
      checkStackBounds(env, regno, off, size, access);
      if (read) readStack(env, regno, off, size, value);
      else writeStack(env, regno, off, size, value, insnIdx);
      break;
    case CTX:
      if (!read) keepSecret(env, value, 'into ctx');
      accessCtx(env, regno, off, size, access, value, signed, insnIdx);
      break;
    case PACKET:
    case PACKET_META:
      if (!read && !mayAccessPacket(env, true, null)) env.fail(EACCES, 'cannot write into packet\n');
      if (!read) keepSecret(env, value, 'into packet');
      checkPacketAccess(env, regno, off, size, false);
      if (read && value >= 0) markUnknown(r, value * REG);
      break;
    case MAP_KEY:
      if (!read) env.fail(EACCES, `write to change key R${regno} not allowed\n`);
      checkRegion(env, regno, off, size, env.mapAt(r[b + AUX]!).keySize, false);
      if (value >= 0) markUnknown(r, value * REG);
      break;
    case FLOW_KEYS:
      if (!read) keepSecret(env, value, 'into flow keys');
      if (off < 0 || off + size > FLOW_KEYS_SIZE) env.fail(EACCES, `invalid access to flow keys off=${off} size=${size}\n`);
      if (read && value >= 0) markUnknown(r, value * REG);
      break;
    case SOCKET:
    case SOCK_COMMON:
    case TCP_SOCK:
    case XDP_SOCK:
      if (!read) env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
      checkSockAccess(env, regno, off, size);
      if (value >= 0) markUnknown(r, value * REG);
      break;
    case TP_BUFFER:
      checkBuffer(env, regno, off, size, 'tracepoint');
      if (read && value >= 0) markUnknown(r, value * REG);
      break;
    case MAP_PTR:
      accessMapPointer(env, regno, off, size, access, value);
      break;
    case ARENA:
      if (read && value >= 0) markUnknown(r, value * REG);
      break;
    default:
      accessOther(env, regno, off, size, access, value);
  }
  if (size < 8 && value >= 0 && read && r[value * REG + TYPE] === SCALAR) coerceLoaded(r, value * REG, size, signed);
}

function accessMapValue(env: Env, regno: number, off: number, size: number, access: Access, value: number, signed: boolean): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const map = env.mapAt(r[b + AUX]!);
  checkMapAccessType(env, map, off, size, access);
  checkMapAccess(env, regno, off, size, false, true);
  const kptr = kptrAt(map, r, b, off);
  if (kptr) {
    accessKptr(env, kptr, value);
    return;
  }
  if (access !== 'read' || value < 0) return;
  if (constantMap(map) && (r[b + MASK_LO]! | r[b + MASK_HI]!) === 0)
    loadConstant(r, value * REG, map.data!, off + r[b + VALUE_LO]!, size, signed);
  else markUnknown(r, value * REG);
}

function accessCtx(
  env: Env,
  regno: number,
  off: number,
  size: number,
  access: Access,
  value: number,
  signed: boolean,
  insnIdx: number,
): void {
  const r = env.cur.frame.regs;
  checkUnmodified(env, r, regno * REG, regno, false);
  const write = access === 'write';
  const types = hasBtfContext(env) ? env.kernelTypes() : null;
  const object = types ? btfContext(env, types, off, size, write) : null;
  const layout = (): number => ctxAccess(env.program.progType, env.attachType, off, size, write, signed, env.rules.bpfCapable);
  const type = env.profile ? profileAccess(env, off, size, write) : types ? (object?.type ?? -1) : layout();
  if (type < 0 || isLaterCtxField(env.rules, env.program.progType, off)) {
    if (env.profile) refuseAccess(env, off, size);
    env.say(`invalid bpf_context access off=${off} size=${size}\n`);
    env.printLine(insnIdx, '; ');
    env.fail(EACCES, '');
  }
  if (write || value < 0) return;
  const v = value * REG;
  if (type === SCALAR) {
    markUnknown(r, v);
    return;
  }
  markPointer(r, v, type);
  if (type & MAYBE_NULL) r[v + ID] = env.newId();
  if (object?.struct) r[v + AUX] = env.btfTypeIndex(types!.btf.at(object.struct).name, object.struct);
}

/** A device's context is memory: any aligned access, as Linux allows syscall programs, but writes where its hook allows some. */
const profileAccess = (env: Env, off: number, size: number, write: boolean): number =>
  off % size === 0 && env.profile!.mayAccess(env.attachType, off, size, write) ? SCALAR : -1;

/** A context access that a device does not allow. */
export function refuseAccess(env: Env, off: number, size: number): never {
  env.fail(EACCES, `invalid bpf_context access off=${off} size=${size} in ${env.profile!.hookName(env.attachType)} programs\n`);
}

const WHOLE_WORDS = [4, 8, 12, 44, 72, 76];

/** Fields of a socket: `bpf_sock`, `bpf_tcp_sock`, `bpf_xdp_sock` of the uapi. */
function sockField(type: number, off: number, size: number): boolean {
  if (off < 0 || off % size !== 0) return false;
  if (type === TCP_SOCK) {
    if (off >= 112) return false;
    return off === 80 || off === 88 ? size === 8 : size === 4;
  }
  if (type === XDP_SOCK) return off < 4 && size === 4;
  if (off >= 80) return false;
  if (type === SOCK_COMMON && off >= 8 && off < 24) return false;
  if (off >= 48 && off < 50) return size <= 2 || size === 4;
  if (off >= 50 && off < 52) return false;
  // Of these words only the first bytes may be read by themselves: family, type, protocol, src_port, state, rx_queue_mapping.
  if (WHOLE_WORDS.some((from) => off > from && off < from + 4)) return false;
  const exact = off < 4 || (off >= 16 && off < 24);
  return exact ? size === 4 : size <= 4;
}

function checkSockAccess(env: Env, regno: number, off: number, size: number): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  if (r[b + SMIN_HI]! < 0) env.fail(EACCES, `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.\n`);
  if (sockField(r[b + TYPE]!, off, size)) return;
  env.fail(EACCES, `R${regno} invalid ${typeName(r[b + TYPE]!)} access off=${off} size=${size}\n`);
}

function checkBuffer(env: Env, regno: number, off: number, size: number, what: string): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  if (off < 0) env.fail(EACCES, `R${regno} invalid ${what} buffer access: off=${off}, size=${size}\n`);
  if (!isConst(r, b) || (r[b + VALUE_LO]! | r[b + VALUE_HI]!) !== 0)
    env.fail(EACCES, `R${regno} invalid variable buffer offset: off=${off}, var_off=${tnumText(r, b)}\n`);
}

/** Structures behind map pointers, by map type. */
const MAP_STRUCTS: Readonly<Record<number, string>> = {
  1: 'bpf_htab',
  5: 'bpf_htab',
  7: 'bpf_stack_map',
  9: 'bpf_htab',
  10: 'bpf_htab',
  11: 'lpm_trie',
  13: 'bpf_htab',
  14: 'bpf_dtab',
  15: 'bpf_stab',
  16: 'bpf_cpu_map',
  17: 'xsk_map',
  18: 'bpf_shtab',
  19: 'bpf_cgroup_storage_map',
  21: 'bpf_cgroup_storage_map',
  22: 'bpf_queue_stack',
  23: 'bpf_queue_stack',
  25: 'bpf_dtab',
  27: 'bpf_ringbuf_map',
  30: 'bpf_bloom_filter',
  31: 'bpf_ringbuf_map',
  33: 'bpf_arena',
};

/** Fields of the kernel's structure for a map may be read by privileged programs (kernel `check_ptr_to_map_access`). */
function accessMapPointer(env: Env, regno: number, off: number, size: number, access: Access, value: number): void {
  const name = MAP_STRUCTS[env.mapAt(env.regs[regno * REG + AUX]!).type] ?? 'bpf_array';
  if (!env.rules.leaksPointers)
    env.fail(EPERM, `${env.rules.early ? name : `'struct ${name}'`} access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n`);
  if (off < 0) env.fail(EACCES, `R${regno} is ${name} invalid negative access: off=${off}\n`);
  if (access === 'write') env.fail(EACCES, `only read from ${name} is supported\n`);
  // The types at hand are the running kernel's, which say nothing about an older one.
  const types = env.rules.kernel === '6.18' ? env.kernelTypes() : null;
  const struct = types?.structNamed(name) ?? 0;
  if (types && struct !== 0) readField(env, types, types.access(struct, off, size), value, ({ flags }) => flags);
  else if (value >= 0) markUnknown(env.regs, value * REG);
}

function accessOther(env: Env, regno: number, off: number, size: number, access: Access, value: number): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const base = baseType(type);
  if (base === MEMORY && !(type & MAYBE_NULL)) {
    if (access === 'write' && type & RDONLY) env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
    if (access === 'write') keepSecret(env, value, 'into mem');
    if (!(type & RDONLY && type & UNTRUSTED)) checkRegion(env, regno, off, size, r[b + AUX]! >>> 0, false);
    if (value >= 0 && (access === 'read' || type & RDONLY)) markUnknown(r, value * REG);
    return;
  }
  if (base === BUF && !(type & MAYBE_NULL)) {
    if (access === 'write' && type & RDONLY) env.fail(EACCES, `R${regno} cannot write into ${typeName(type)}\n`);
    checkBuffer(env, regno, off, size, type & RDONLY ? 'rdonly' : 'rdwr');
    if (value >= 0) markUnknown(r, value * REG);
    return;
  }
  if (base === BTF_ID && !(type & MAYBE_NULL)) {
    accessObject(env, regno, off, size, access, value);
    return;
  }
  if (env.profile && type === SCALAR && isConst(r, b)) {
    const what = env.profile.describeAddress(r[b + VALUE_HI]!, r[b + VALUE_LO]!);
    if (what !== null) env.say(`R${regno} is the address of ${what}, which no program may touch\n`);
  }
  env.fail(EACCES, `R${regno} invalid mem access '${typeName(type)}'\n`);
}

const STRICT_TYPES = new Set([CTX, SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK, BTF_ID, ARENA]);

const isObject = (type: number): boolean =>
  baseType(type) === BTF_ID || (baseType(type) === MEMORY && (type & RDONLY) !== 0 && (type & UNTRUSTED) !== 0);

/** One instruction may not access different kinds of memory where the kernel rewrites it by kind (kernel `save_aux_ptr_type`). */
function noteType(env: Env, type: number, isLoad = false): void {
  const prev = env.ptrType[env.insnIdx]!;
  if (prev === 0) {
    env.ptrType[env.insnIdx] = type;
    return;
  }
  if (prev === type || (!STRICT_TYPES.has(baseType(type)) && !STRICT_TYPES.has(baseType(prev)))) return;
  // Objects of different trust are loaded the same guarded way.
  if (isLoad && isObject(type) && isObject(prev)) return;
  env.fail(EINVAL, 'same insn cannot be used with different pointers\n');
}

function sane(env: Env, regno: number, what: string): void {
  const violation = boundsRepair(env.regs, regno * REG);
  if (violation !== null && env.testRegInvariants) env.fail(EFAULT, `REG INVARIANTS VIOLATION (${what}): ${violation}\n`);
}

export function checkLoad(env: Env, insn: Insn): void {
  loadFrom(env, insn, modeOf(insn) === MEMSX, false, 'ldx');
}

function loadFrom(env: Env, insn: Insn, signed: boolean, strict: boolean, what: string): void {
  readReg(env, insn.src);
  writeReg(env, insn.dst);
  const type = env.regs[insn.src * REG + TYPE]!;
  checkMemAccess(env, env.insnIdx, insn.src, insn.off, BYTES[sizeOf(insn)]!, 'read', insn.dst, strict, signed);
  noteType(env, type, !strict);
  sane(env, insn.dst, what);
}

export function checkStore(env: Env, insn: Insn): void {
  if (modeOf(insn) === ATOMIC) {
    checkAtomic(env, insn);
    return;
  }
  if (modeOf(insn) !== MEM || insn.imm !== 0) env.fail(EINVAL, 'BPF_STX uses reserved fields\n');
  storeTo(env, insn, false);
}

function storeTo(env: Env, insn: Insn, strict: boolean): void {
  readReg(env, insn.src);
  readReg(env, insn.dst);
  const type = env.regs[insn.dst * REG + TYPE]!;
  checkMemAccess(env, env.insnIdx, insn.dst, insn.off, BYTES[sizeOf(insn)]!, 'write', insn.src, strict, false);
  noteType(env, type);
}

export function checkStoreImm(env: Env, insn: Insn): void {
  if (modeOf(insn) !== MEM || insn.src !== 0) env.fail(EINVAL, 'BPF_ST uses reserved fields\n');
  readReg(env, insn.dst);
  const type = env.regs[insn.dst * REG + TYPE]!;
  if (type === CTX && !env.rules.storesImmToCtx) env.fail(EACCES, `BPF_ST stores into R${insn.dst} ctx is not allowed\n`);
  checkMemAccess(env, env.insnIdx, insn.dst, insn.off, BYTES[sizeOf(insn)]!, 'write', -1, false, false);
  noteType(env, type);
}

const NOT_ATOMIC = new Set([CTX, PACKET, PACKET_META, FLOW_KEYS, SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK]);

function checkAtomicTarget(env: Env, regno: number, verb: string): void {
  const type = env.regs[regno * REG + TYPE]!;
  if (NOT_ATOMIC.has(type)) env.fail(EACCES, `BPF_ATOMIC ${verb} R${regno} ${typeName(type)} is not allowed\n`);
}

const RMW = new Set([0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, XCHG, CMPXCHG]);

function checkAtomic(env: Env, insn: Insn): void {
  if (insn.imm === LOAD_ACQ && env.rules.loadAcquire) {
    loadFrom(env, insn, false, true, 'atomic_load');
    checkAtomicTarget(env, insn.src, 'loads from');
    return;
  }
  if (insn.imm === STORE_REL && env.rules.loadAcquire) {
    storeTo(env, insn, true);
    checkAtomicTarget(env, insn.dst, 'stores into');
    return;
  }
  if (!RMW.has(insn.imm)) env.fail(EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${(insn.imm >>> 0).toString(16).padStart(2, '0')}\n`);
  const size = BYTES[sizeOf(insn)]!;
  if (size < 4) env.fail(EINVAL, 'invalid atomic operand size\n');
  readReg(env, insn.src);
  readReg(env, insn.dst);
  if (insn.imm === CMPXCHG) {
    readReg(env, 0);
    keepSecret(env, 0, 'into mem');
  }
  keepSecret(env, insn.src, 'into mem');
  checkAtomicTarget(env, insn.dst, 'stores into');
  const loaded = insn.imm === CMPXCHG ? 0 : insn.imm & FETCH ? insn.src : -1;
  if (loaded >= 0) clobberReg(env, loaded);
  // The read is checked twice: first without a register, so that a fetch cannot pick up a spilled pointer unseen.
  checkMemAccess(env, env.insnIdx, insn.dst, insn.off, size, 'read', -1, true, false);
  if (loaded >= 0) checkMemAccess(env, env.insnIdx, insn.dst, insn.off, size, 'read', loaded, true, false);
  checkMemAccess(env, env.insnIdx, insn.dst, insn.off, size, 'write', -1, true, false);
}
