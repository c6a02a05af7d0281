import { helperName } from '../bpf/helpers.ts';
import { MAP_TYPE_RINGBUF } from '../bpf/maps.ts';
import type { AddressSpace } from './address-space.ts';
import { checksumDifference } from './checksum.ts';
import { CODE_BASE, MAP_BASE } from './decode.ts';
import type { VmFault } from './fault.ts';
import { type Cpus, E2BIG, EINVAL, type VmMapCore } from './maps.ts';
import { formatPrintk } from './printk.ts';
import type { RingBuffers } from './ringbuf.ts';
import type { XdpPacket } from './xdp.ts';

/** Something that a program told the world while it ran. */
export type VmEvent =
  | { readonly kind: 'printk'; readonly text: string }
  | { readonly kind: 'perf' | 'ringbuf'; readonly map: string; readonly data: Uint8Array };

export type Redirect = { readonly ifindex: number } | { readonly map: string; readonly key: number };

/** What helpers work on. */
export interface Machine {
  /** r0…r10 as pairs of words. */
  readonly registers: Int32Array;
  readonly space: AddressSpace;
  readonly maps: readonly VmMapCore[];
  readonly packet: XdpPacket;
  readonly ringBuffers: RingBuffers;
  readonly cpus: Cpus;
  readonly events: VmEvent[];
  redirect: Redirect | null;
  /** The virtual clock, which goes on by a microsecond with each look at it. */
  clockNs: number;
  nextRandom(): number;
  /** Calls the function at a code entry with r1…r5. */
  callFunction(pc: number): void;
  fault(what: string, advice?: string): VmFault;
}

const EFAULT = 14;
const F_NO_FLAGS_REDIRECT = 0;
const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
/** BPF_MAX_LOOPS */
const MAX_LOOPS = 1 << 23;

function setResult(m: Machine, value: number): void {
  m.registers[0] = value;
  m.registers[1] = Math.floor(value / 4294967296);
}

/** An argument as an unsigned number; exact below 2^53. */
function unsigned(m: Machine, arg: number): number {
  return (m.registers[arg * 2 + 1] >>> 0) * 4294967296 + (m.registers[arg * 2] >>> 0);
}

/** The low half of an argument that the kernel takes as u32. */
function u32(m: Machine, arg: number): number {
  return m.registers[arg * 2] >>> 0;
}

function mapArgument(m: Machine, arg: number): VmMapCore {
  const off = unsigned(m, arg) - MAP_BASE;
  const map = off >= 0 && off % 16 === 0 ? m.maps[off / 16] : undefined;
  if (!map) throw m.fault(`R${arg} holds no map`);
  return map;
}

/** An argument that points at `size` bytes. */
function pointer(m: Machine, arg: number, size: number, write: boolean): number {
  const address = unsigned(m, arg);
  if (size > 0 && !m.space.permits(address, size, write)) {
    throw m.fault(`R${arg} of the helper: ${m.space.describeDenied(BigInt(address), size, write)}`);
  }
  return address;
}

function wordPattern(m: Machine, arg: number): bigint {
  return (BigInt(m.registers[arg * 2 + 1] >>> 0) << 32n) | BigInt(m.registers[arg * 2] >>> 0);
}

function xdpBytes(m: Machine, store: boolean): number {
  const offset = u32(m, 2);
  const length = u32(m, 4);
  const buffer = pointer(m, 3, length, !store);
  if (offset > 0xffff || length > 0xffff) return -EFAULT;
  const at = m.packet.address(offset, length);
  if (at === null) return -EINVAL;
  if (store) m.space.bytes.copyWithin(at, buffer, buffer + length);
  else m.space.bytes.copyWithin(buffer, at, at + length);
  return 0;
}

function loop(m: Machine): number {
  const times = u32(m, 1);
  if (u32(m, 4) !== 0 || m.registers[9] !== 0) return -EINVAL;
  if (times > MAX_LOOPS) return -E2BIG;
  const r = m.registers;
  const entry = unsigned(m, 2) - CODE_BASE;
  if (entry < 0) throw m.fault('R2 of bpf_loop holds no function');
  const context = [r[6], r[7]];
  let i = 0;
  while (i < times) {
    r[2] = i;
    r[3] = 0;
    r[4] = context[0];
    r[5] = context[1];
    m.callFunction(entry);
    i++;
    if (r[0] !== 0 || r[1] !== 0) break;
  }
  return i;
}

/** Whether and where to a packet goes: devices, processors and sockets by key. */
function redirectMap(m: Machine): number {
  const map = mapArgument(m, 1);
  const key = u32(m, 2);
  const flags = unsigned(m, 3);
  // The two low bits are the verdict for a missing key; broadcast flags are not modelled.
  if (flags > 3) return XDP_ABORTED;
  if (!map.lookup(new Uint8Array(Uint32Array.of(key).buffer))) return flags;
  m.redirect = { map: map.name, key };
  return XDP_REDIRECT;
}

function output(m: Machine, kind: 'perf' | 'ringbuf', map: VmMapCore, dataArg: number, sizeArg: number): number {
  const size = unsigned(m, sizeArg);
  const from = pointer(m, dataArg, size, false);
  let data = m.space.bytes.slice(from, from + size);
  if (kind === 'perf') {
    // Bits 32…51 of the flags ask for so many bytes of the packet behind the record (BPF_F_CTXLEN_MASK).
    const packetBytes = m.registers[7] & 0xfffff;
    if (packetBytes > m.packet.length) return -EFAULT;
    const joined = new Uint8Array(size + packetBytes);
    joined.set(data);
    joined.set(m.packet.copy().subarray(0, packetBytes), size);
    data = joined;
  }
  m.events.push({ kind, map: map.name, data });
  return 0;
}

function tick(m: Machine): number {
  m.clockNs += 1000;
  return m.clockNs;
}

function ringBuffer(m: Machine, arg: number): VmMapCore {
  const map = mapArgument(m, arg);
  if (map.def.type !== MAP_TYPE_RINGBUF) throw m.fault(`R${arg} holds no ring buffer`);
  return map;
}

/** By helper number; each reads r1…r5 and returns r0. */
const RUN: Partial<Record<number, (m: Machine) => number>> = {
  1: (m) => {
    const map = mapArgument(m, 1);
    return map.lookupAddress(pointer(m, 2, map.def.keySize, false));
  },
  2: (m) => {
    const map = mapArgument(m, 1);
    const key = pointer(m, 2, map.def.keySize, false);
    const value = pointer(m, 3, map.def.valueSize, false);
    return map.updateFrom(key, value, Math.min(unsigned(m, 4), 0xffff));
  },
  3: (m) => {
    const map = mapArgument(m, 1);
    return map.deleteAt(pointer(m, 2, map.def.keySize, false));
  },
  5: tick,
  6: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 1, size, false);
    const text = formatPrintk(m.space.bytes.subarray(at, at + size), [wordPattern(m, 3), wordPattern(m, 4), wordPattern(m, 5)]);
    m.events.push({ kind: 'printk', text });
    return text.length;
  },
  7: (m) => m.nextRandom() >>> 0,
  8: (m) => m.cpus.current,
  // A tail call into an empty slot goes on with the next instruction; programs are not put into slots here.
  12: (m) => {
    mapArgument(m, 2);
    return 0;
  },
  23: (m) => {
    if (unsigned(m, 2) !== F_NO_FLAGS_REDIRECT) return XDP_ABORTED;
    m.redirect = { ifindex: u32(m, 1) };
    return XDP_REDIRECT;
  },
  25: (m) => output(m, 'perf', mapArgument(m, 2), 4, 5),
  28: (m) => {
    const fromSize = u32(m, 2);
    const toSize = u32(m, 4);
    if ((fromSize | toSize) & 3) return -EINVAL;
    const from = pointer(m, 1, fromSize, false);
    const to = pointer(m, 3, toSize, false);
    const { bytes } = m.space;
    return checksumDifference(bytes.subarray(from, from + fromSize), bytes.subarray(to, to + toSize), u32(m, 5));
  },
  42: () => 0,
  44: (m) => m.packet.adjustHead(u32(m, 2) | 0),
  51: redirectMap,
  54: (m) => m.packet.adjustMeta(u32(m, 2) | 0),
  65: (m) => m.packet.adjustTail(u32(m, 2) | 0),
  // One program runs at a time: locks are always free.
  93: () => 0,
  94: () => 0,
  125: tick,
  130: (m) => output(m, 'ringbuf', ringBuffer(m, 1), 2, 3),
  131: (m) => m.ringBuffers.reserve(ringBuffer(m, 1), unsigned(m, 2)),
  132: (m) => {
    const record = m.ringBuffers.release(unsigned(m, 1));
    if (!record) throw m.fault('R1 of bpf_ringbuf_submit holds no reserved record');
    m.events.push({ kind: 'ringbuf', map: record.map, data: m.space.bytes.slice(record.address, record.address + record.size) });
    return 0;
  },
  133: (m) => {
    if (!m.ringBuffers.release(unsigned(m, 1))) throw m.fault('R1 of bpf_ringbuf_discard holds no reserved record');
    return 0;
  },
  160: tick,
  181: loop,
  188: (m) => m.packet.length,
  189: (m) => xdpBytes(m, false),
  190: (m) => xdpBytes(m, true),
};

/** Runs helper `id`, or refuses it by name. */
export function runHelper(m: Machine, id: number): void {
  const run = RUN[id];
  if (!run) {
    throw m.fault(`helper ${helperName(id) ?? 'unknown'}#${id} is not available in this machine`, 'Run the program in the kernel instead');
  }
  setResult(m, run(m));
}
