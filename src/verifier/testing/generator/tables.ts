import * as types from '../../../bpf/maps.ts';
import type { MapDef } from '../../../bpf/program.ts';

/** The maps that generated programs may use. A program brings those that it names. */
export const GENERATOR_MAPS: readonly MapDef[] = [
  { name: 'array', type: types.MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 },
  { name: 'hash', type: types.MAP_TYPE_HASH, keySize: 8, valueSize: 16, maxEntries: 4, flags: 0 },
  { name: 'percpu', type: types.MAP_TYPE_PERCPU_ARRAY, keySize: 4, valueSize: 24, maxEntries: 2, flags: 0 },
  { name: 'large', type: types.MAP_TYPE_ARRAY, keySize: 4, valueSize: 256, maxEntries: 1, flags: 0 },
  { name: 'percpu_hash', type: types.MAP_TYPE_PERCPU_HASH, keySize: 8, valueSize: 8, maxEntries: 3, flags: 0 },
  { name: 'lru', type: types.MAP_TYPE_LRU_HASH, keySize: 4, valueSize: 32, maxEntries: 8, flags: 0 },
  { name: 'ringbuf', type: types.MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
  { name: 'events', type: types.MAP_TYPE_PERF_EVENT_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0 },
  { name: 'queue', type: types.MAP_TYPE_QUEUE, keySize: 0, valueSize: 8, maxEntries: 4, flags: 0 },
  { name: 'pair', type: types.MAP_TYPE_ARRAY, keySize: 4, valueSize: 12, maxEntries: 5, flags: 0 },
  { name: 'state', type: types.MAP_TYPE_ARRAY, keySize: 4, valueSize: 80, maxEntries: 1, flags: 0 },
];
/** Linux forgets entries by an approximation of their age. */
export const LRU = 5;
export const RINGBUF = 6;
export const EVENTS = 7;
export const QUEUE = 8;
/** Where a program that is compared in engines leaves its registers. */
export const STATE = 10;
/** Maps with keys that programs look up. */
export const KEYED = [0, 1, 2, 3, 4, 5, 9];

/** What a kind of program may touch in its context: offsets of 4-byte fields (8-byte ones where `wide`) to read and to write. */
export interface Kind {
  readonly name: string;
  readonly progType: number;
  readonly section: string;
  readonly sleepable?: boolean;
  readonly wide?: boolean;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Offsets of the packet's beginning and end, where programs may access it. */
  readonly packet?: readonly [data: number, end: number];
  readonly skb?: boolean;
  /** Packet bytes by `ld_abs`. */
  readonly ldAbs?: boolean;
  /** Highest value that it may return, where that is limited. */
  readonly maxReturn?: number;
  readonly weight: number;
}

const words = (from: number, to: number, step: number): number[] => {
  const out: number[] = [];
  for (let at = from; at <= to; at += step) out.push(at);
  return out;
};

export const XDP: Kind = { name: 'xdp', progType: 6, section: 'xdp', reads: [12, 16], writes: [], packet: [0, 4], weight: 50 };

export const KINDS: readonly Kind[] = [
  XDP,
  {
    name: 'tc',
    progType: 3,
    section: 'tc',
    reads: [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 64, 68, 72],
    writes: [8, 32, 48, 52, 56, 60, 64, 72],
    packet: [76, 80],
    skb: true,
    ldAbs: true,
    weight: 20,
  },
  {
    name: 'socket filter',
    progType: 1,
    section: 'socket',
    reads: [0, 4, 8, 16, 40, 48, 68],
    writes: [48, 52, 56],
    skb: true,
    ldAbs: true,
    weight: 8,
  },
  { name: 'cgroup skb', progType: 8, section: 'cgroup/skb', reads: [0, 8, 16, 48], writes: [48, 52], skb: true, maxReturn: 1, weight: 4 },
  { name: 'tracepoint', progType: 5, section: 'tracepoint', wide: true, reads: words(8, 56, 8), writes: [], weight: 6 },
  { name: 'kprobe', progType: 2, section: 'kprobe', wide: true, reads: words(0, 160, 8), writes: [], weight: 4 },
  { name: 'raw tracepoint', progType: 17, section: 'raw_tp', wide: true, reads: words(0, 40, 8), writes: [], weight: 3 },
  {
    name: 'syscall',
    progType: 31,
    section: 'syscall',
    sleepable: true,
    wide: true,
    reads: words(0, 64, 8),
    writes: words(0, 64, 8),
    weight: 5,
  },
];

/** Kinds that BPF_PROG_TEST_RUN runs on a packet or context of the user. */
export const RUNNABLE: readonly Kind[] = KINDS.filter(({ name }) => ['xdp', 'tc', 'socket filter', 'syscall'].includes(name));
