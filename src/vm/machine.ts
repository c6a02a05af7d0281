import type { AddressSpace } from './address-space.ts';
import { CODE_BASE, MAP_BASE } from './decode.ts';
import type { VmFault } from './fault.ts';
import type { Cpus, VmMapCore } from './maps.ts';
import type { KeyMemory, Objects } from './objects.ts';
import type { PacketMemory } from './packet.ts';
import type { RingBuffers } from './ringbuf.ts';
import type { SkbPacket } from './skb.ts';
import type { Timers } from './timers.ts';
import type { XdpPacket } from './xdp.ts';

/** Something that a program told the world while it ran. */
export type VmEvent =
  | { readonly kind: 'printk'; readonly text: string }
  | { readonly kind: 'perf' | 'ringbuf'; readonly map: string; readonly data: Uint8Array };

/** A device, the target at a key of a map, or all targets of a map (but the device that the packet came from, where it says so). */
export type Redirect =
  | { readonly ifindex: number }
  | { readonly map: string; readonly key: number }
  | { readonly map: string; readonly all: 'with ingress' | 'without ingress' };

/** What helpers work on. */
export interface Machine {
  /** r0…r10 as pairs of words. */
  readonly registers: Int32Array;
  readonly space: AddressSpace;
  readonly maps: readonly VmMapCore[];
  /** Programs of this type may write to their packet (kernel `may_access_direct_pkt_data`). */
  readonly writesPacket: boolean;
  /** The packet of programs that have one, and the same by its kind. */
  readonly packet: PacketMemory | null;
  readonly xdp: XdpPacket | null;
  readonly skb: SkbPacket | null;
  /** Objects that programs allocate, and the lists and trees that they make of them. */
  readonly objects: Objects;
  /** Where callbacks find the keys of map elements. */
  readonly keys: KeyMemory;
  /** Names behind the numbers of kernel functions (decode.ts). */
  readonly kfuncNames: readonly string[];
  /** Functions of what surrounds the machine, by name; they come before the kernel's. */
  readonly functions: ReadonlyMap<string, Helper>;
  readonly ringBuffers: RingBuffers;
  readonly timers: Timers;
  readonly cpus: Cpus;
  readonly events: VmEvent[];
  redirect: Redirect | null;
  /** Process (thread group) and thread that run; user and group are root's. */
  task: { readonly process: number; readonly thread: number };
  /** The virtual clock, in nanoseconds, which goes on by a microsecond with each look at it. */
  clockNs: number;
  nextRandom(): number;
  /** Calls the function at a code entry with r1…r5. */
  callFunction(pc: number): void;
  /** {@link callBack} and {@link functionArgument} for kernel functions. */
  callBack(entry: number, args: readonly number[]): boolean;
  entryOf(arg: number): number;
  /** Puts a record of user space into memory and hands a dynptr to it to `use`. */
  withRecord(record: Uint8Array, use: (dynptr: number) => boolean): boolean;
  /** Bytes that a helper works through, so that long work looks at the clock as many instructions do. */
  spend(bytes: number): void;
  /** Bytes that what the program tells the world may still take up in this run. */
  room: number;
  fault(what: string, advice?: string): VmFault;
}

/** What an event takes up beside its own bytes. */
const EVENT_OVERHEAD = 256;

/** Bytes of events that are kept of a run. */
export const EVENT_ROOM = 1 << 26;

/** Whether an event of `bytes` bytes has room among those of this run. */
export const hasRoom = (m: Machine, bytes: number): boolean => m.room >= bytes + EVENT_OVERHEAD;

/** Tells the world `event`, of `bytes` bytes. */
export function tell(m: Machine, event: VmEvent, bytes: number): void {
  m.room -= bytes + EVENT_OVERHEAD;
  m.events.push(event);
}

export * from './errno.ts';

/** Reads r1…r5 and returns r0, a number below 2^53 in size. */
export type Helper = (m: Machine) => number;
export type HelperTable = Readonly<Record<number, Helper>>;

/** What a helper returns that put both words of r0 there itself. */
export const WORDS_ARE_SET = Number.NaN;

export function setResult(m: Machine, value: number): void {
  if (Number.isNaN(value)) return;
  m.registers[0] = value;
  m.registers[1] = Math.floor(value / 4294967296);
}

/** An argument as an unsigned number; exact below 2^53. */
export function unsigned(m: Machine, arg: number): number {
  return (m.registers[arg * 2 + 1] >>> 0) * 4294967296 + (m.registers[arg * 2] >>> 0);
}

/** The low half of an argument that the kernel takes as u32. */
export function u32(m: Machine, arg: number): number {
  return m.registers[arg * 2] >>> 0;
}

/** The low half of an argument that the kernel takes as int. */
export function s32(m: Machine, arg: number): number {
  return m.registers[arg * 2];
}

/** All 64 bits of an argument. */
export function u64(m: Machine, arg: number): bigint {
  return (BigInt(m.registers[arg * 2 + 1] >>> 0) << 32n) | BigInt(m.registers[arg * 2] >>> 0);
}

export function mapArgument(m: Machine, arg: number): VmMapCore {
  const off = unsigned(m, arg) - MAP_BASE;
  const map = off >= 0 && off % 16 === 0 ? m.maps[off / 16] : undefined;
  if (!map) throw m.fault(`R${arg} holds no map`);
  return map;
}

/** Sizes below take no time beside a call. */
const SMALL = 1024;

/** An argument that points at `size` bytes. */
export function pointer(m: Machine, arg: number, size: number, write: boolean): number {
  const address = unsigned(m, arg);
  if (size > SMALL) m.spend(size);
  if (size > 0 && !m.space.permits(address, size, write)) {
    throw m.fault(`R${arg} of the helper: ${m.space.describeDenied(BigInt(address), size, write)}`);
  }
  return address;
}

/** The code entry of an argument that holds a function. */
export function functionArgument(m: Machine, arg: number, helper: string): number {
  const entry = unsigned(m, arg) - CODE_BASE;
  if (entry < 0) throw m.fault(`R${arg} of ${helper} holds no function`);
  return entry;
}

/** The two words of an argument. The context of a callback is any 64-bit value, which a number would round above 2^53. */
export type Words = readonly [low: number, high: number];

export function words(m: Machine, arg: number): Words {
  return [m.registers[arg * 2]!, m.registers[arg * 2 + 1]!];
}

/** Sets r1…r5 to `args` and then `context`, and calls the function at `entry`; true when it returned something other than 0. */
export function callBack(m: Machine, entry: number, args: readonly number[], context?: Words): boolean {
  const r = m.registers;
  args.forEach((arg, i) => {
    r[2 + i * 2] = arg;
    r[3 + i * 2] = Math.floor(arg / 4294967296);
  });
  if (context) r.set(context, 2 + args.length * 2);
  m.callFunction(entry);
  return r[0] !== 0 || r[1] !== 0;
}
