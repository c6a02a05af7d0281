import * as types from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from '../address-space.ts';
import type { Cpus } from './types.ts';

/** Size of `struct bpf_spin_lock`. */
const SPIN_LOCK = 4;

/** Storage of `slots` values for each processor in one region. */
export class Values {
  readonly perCpu: boolean;
  readonly region: Region;
  readonly #def: MapDef;
  readonly #slots: number;
  readonly #cpus: Cpus;
  /** Kernel objects in a value, which updates leave alone: offset and size. */
  readonly #objects: readonly (readonly [number, number])[];
  #space!: AddressSpace;

  constructor(def: MapDef, slots: number, layout: AddressSpaceLayout, cpus: Cpus) {
    this.#def = def;
    this.#slots = slots;
    this.#cpus = cpus;
    this.perCpu = types.isPerCpu(def.type);
    this.#objects = [
      ...(def.spinLockOff === undefined ? [] : [[def.spinLockOff, SPIN_LOCK] as const]),
      ...(def.fields ?? []).map((field) => [field.byteOff, field.size] as const),
    ];
    this.region = layout.add({
      name: `map ${def.name}`,
      elementSize: def.valueSize,
      count: slots * (this.perCpu ? cpus.count : 1),
      writable: (def.flags & types.MAP_FLAG_RDONLY_PROG) === 0 && !def.frozen,
    });
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  address(slot: number, cpu = this.#cpus.current): number {
    return this.region.base + (this.perCpu ? cpu * this.#slots + slot : slot) * this.region.stride;
  }

  read(slot: number, cpu?: number): Uint8Array {
    const at = this.address(slot, cpu);
    return this.#space.bytes.slice(at, at + this.#def.valueSize);
  }

  write(slot: number, value: Uint8Array): void {
    for (let cpu = 0; cpu < (this.perCpu ? this.#cpus.count : 1); cpu++) {
      const at = this.address(slot, cpu);
      const kept = this.#keep(at);
      this.#space.bytes.set(value, at);
      this.#restore(at, kept);
    }
  }

  /** The running processor's value from memory; a new per-CPU entry is zero for the others, as Linux leaves it. */
  copyFrom(slot: number, address: number, fresh: boolean): void {
    if (fresh && this.perCpu) this.zero(slot);
    const at = this.address(slot);
    const kept = this.#keep(at);
    this.#space.bytes.copyWithin(at, address, address + this.#def.valueSize);
    this.#restore(at, kept);
  }

  /** Zeroes a slot for all processors. */
  zero(slot: number): void {
    for (let cpu = 0; cpu < (this.perCpu ? this.#cpus.count : 1); cpu++) {
      const at = this.address(slot, cpu);
      this.#space.bytes.fill(0, at, at + this.#def.valueSize);
    }
  }

  /** Slot of the value that holds `address`, -1 when it lies outside. */
  slotOf(address: number): number {
    const index = Math.floor((address - this.region.base) / this.region.stride);
    return index >= 0 && index < this.region.count ? index % this.#slots : -1;
  }

  #keep(at: number): Uint8Array[] | null {
    return this.#objects.length === 0 ? null : this.#objects.map(([off, size]) => this.#space.bytes.slice(at + off, at + off + size));
  }

  #restore(at: number, kept: Uint8Array[] | null): void {
    kept?.forEach((bytes, i) => {
      this.#space.bytes.set(bytes, at + this.#objects[i][0]);
    });
  }

  clear(): void {
    const { base, stride, count } = this.region;
    this.#space.bytes.fill(0, base, base + stride * count);
  }
}
