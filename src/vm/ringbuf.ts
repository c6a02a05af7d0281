import { MAP_TYPE_RINGBUF } from '../bpf/maps.ts';
import type { AddressSpaceLayout, Region } from './address-space.ts';
import type { VmMap } from './maps.ts';
import type { Saved } from './saved.ts';

/** Rings larger than this get this much memory: the reader of this machine takes every record away at once. */
const MAX_RING = 1 << 20;
/** Each record has a header of 8 bytes (BPF_RINGBUF_HDR_SZ). */
const HEADER = 8;

interface Record {
  readonly map: string;
  readonly address: number;
  readonly size: number;
}

/** Memory for records that are reserved and not yet submitted. */
export class RingBuffers {
  readonly #regions = new Map<VmMap, Region>();
  readonly #used = new Map<VmMap, number>();
  readonly #open = new Map<number, Record>();

  constructor(maps: readonly VmMap[], layout: AddressSpaceLayout) {
    for (const map of maps) {
      if (map.def.type !== MAP_TYPE_RINGBUF) continue;
      this.#regions.set(map, layout.add({ name: `ring buffer ${map.name}`, elementSize: Math.min(map.def.maxEntries, MAX_RING) }));
    }
  }

  /** Forgets what the last run left open. */
  reset(): void {
    if (this.#used.size > 0) this.#used.clear();
    if (this.#open.size > 0) this.#open.clear();
  }

  save(): Saved {
    const used = [...this.#used];
    const open = [...this.#open];
    return {
      bytes: (used.length + open.length) * 64,
      restore: () => {
        this.reset();
        for (const [map, bytes] of used) this.#used.set(map, bytes);
        for (const [address, record] of open) this.#open.set(address, record);
      },
    };
  }

  /** Address of a new record, or 0 when the ring has no room. */
  reserve(map: VmMap, size: number): number {
    const region = this.#regions.get(map)!;
    const at = this.#used.get(map) ?? 0;
    const total = HEADER + Math.ceil(size / 8) * 8;
    if (at + total > region.elementSize) return 0;
    const address = region.base + at + HEADER;
    this.#used.set(map, at + total);
    this.#open.set(address, { map: map.name, address, size });
    return address;
  }

  /** bpf_ringbuf_query: bytes waiting, the ring's size, and the two positions; the reader of this machine never lags. */
  query(map: VmMap, what: number): number {
    const used = this.#used.get(map) ?? 0;
    return what === 0 ? used : what === 1 ? map.def.maxEntries : 0;
  }

  /** Takes a record off the list of open ones; null when there is none at `address`. */
  release(address: number): Record | null {
    const record = this.#open.get(address) ?? null;
    this.#open.delete(address);
    if (this.#open.size === 0) this.#used.clear();
    return record;
  }
}
