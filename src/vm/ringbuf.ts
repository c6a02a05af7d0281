import { MAP_TYPE_RINGBUF } from '../bpf/maps.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import type { VmMap } from './maps.ts';
import type { Saved } from './saved.ts';

/** Records that are reserved at one time lie within so many bytes, however large the ring. */
const MAX_OPEN = 1 << 20;
/** Each record has a header of 8 bytes (BPF_RINGBUF_HDR_SZ). */
const HEADER = 8;

/** A record that a reader may take. */
export interface RingRecord {
  readonly map: string;
  readonly data: Uint8Array;
}

interface Reserved {
  readonly ring: Ring;
  readonly address: number;
  readonly size: number;
  /** The ring's position at its header. */
  readonly start: number;
  /** Null while the program writes it; what it held when it was submitted, or that it was thrown away. */
  data: Uint8Array | 'discarded' | null;
}

/** Positions count bytes since the ring was made, as Linux counts them. */
interface Ring {
  readonly map: VmMap;
  readonly region: Region;
  producer: number;
  /** What the reader has taken: everything that earlier runs wrote. */
  consumer: number;
  /** Records from the oldest open one on, in the order in which they were reserved. */
  waiting: Reserved[];
}

const padded = (size: number): number => HEADER + Math.ceil(size / 8) * 8;

/**
 * Ring buffers whose reader comes between runs and takes everything away: so within a run a ring gets full as it does in a test run of Linux
 * (`__bpf_ringbuf_reserve`), and a record can be read when those before it are finished.
 */
export class RingBuffers {
  readonly #rings = new Map<VmMap, Ring>();
  readonly #open = new Map<number, Reserved>();

  constructor(maps: readonly VmMap[], layout: AddressSpaceLayout) {
    for (const map of maps) {
      if (map.def.type !== MAP_TYPE_RINGBUF) continue;
      const room = Math.min(map.def.maxEntries, MAX_OPEN);
      // Records that begin at the end go on behind it: Linux maps the ring twice in a row.
      const region = layout.add({ name: `ring buffer ${map.name}`, elementSize: 2 * room });
      this.#rings.set(map, { map, region, producer: 0, consumer: 0, waiting: [] });
    }
  }

  /** The reader takes what the last run left. */
  reset(): void {
    for (const ring of this.#rings.values()) {
      ring.consumer = ring.producer;
      if (ring.waiting.length > 0) ring.waiting = [];
    }
    if (this.#open.size > 0) this.#open.clear();
  }

  save(): Saved {
    const rings = [...this.#rings.values()].map((ring) => ({ ...ring, ring, waiting: ring.waiting.map((record) => ({ ...record })) }));
    return {
      bytes: rings.reduce((sum, { waiting }) => sum + 64 + waiting.length * 64, 0),
      restore: () => {
        this.#open.clear();
        for (const { ring, producer, consumer, waiting } of rings) {
          Object.assign(ring, { producer, consumer, waiting: waiting.map((record) => ({ ...record })) });
          for (const record of ring.waiting) if (record.data === null) this.#open.set(record.address, record);
        }
      },
    };
  }

  /** Address of a new record, or 0 when the ring has no room. */
  reserve(map: VmMap, size: number): number {
    const ring = this.#rings.get(map)!;
    const { region, producer, consumer, waiting } = ring;
    const room = region.elementSize / 2;
    const end = producer + padded(size);
    if (end - consumer >= map.def.maxEntries || end - (waiting[0]?.start ?? producer) >= room) return 0;
    const address = region.base + (producer % room) + HEADER;
    const record: Reserved = { ring, address, size, start: producer, data: null };
    ring.producer = end;
    waiting.push(record);
    this.#open.set(address, record);
    return address;
  }

  /** Submits the record at `address` or throws it away. Returns those that can be read since then; null when there is none. */
  finish(space: AddressSpace, address: number, keep: boolean): readonly RingRecord[] | null {
    const record = this.#open.get(address);
    if (!record) return null;
    this.#open.delete(address);
    record.data = keep ? space.bytes.slice(address, address + record.size) : 'discarded';
    const { map, waiting } = record.ring;
    const readable: RingRecord[] = [];
    while (waiting.length > 0 && waiting[0].data !== null) {
      const { data } = waiting.shift()!;
      if (data instanceof Uint8Array) readable.push({ map: map.name, data });
    }
    return readable;
  }

  /** bpf_ringbuf_query: bytes that wait for the reader, the ring's size, and the positions of reader and writer. */
  query(map: VmMap, what: number): number {
    const { producer, consumer } = this.#rings.get(map)!;
    return [producer - consumer, map.def.maxEntries, consumer, producer][what] ?? 0;
  }
}
