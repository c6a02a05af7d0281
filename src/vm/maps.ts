import { InputError } from '../base/errors.ts';
import * as types from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import { NOTHING_SAVED, type Saved } from './saved.ts';

// Flags of bpf_map_update_elem and the errno values that map operations return.
const NOEXIST = 1;
const EXIST = 2;
const F_LOCK = 4;
export const ENOENT = 2;
export const E2BIG = 7;
export const EEXIST = 17;
export const EINVAL = 22;

/** A map as programs and their surroundings see it. Values that are handed out are copies. */
export interface VmMap {
  readonly def: MapDef;
  readonly name: string;
  /** The value at `key` (of a per-CPU map: the one of `cpu`, by default the machine's), or null when there is none. */
  lookup(key: Uint8Array, cpu?: number): Uint8Array | null;
  /** `value` is one value, which every processor of a per-CPU map gets. Throws {@link InputError} when Linux would refuse. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** True when the key was there. */
  delete(key: Uint8Array): boolean;
  /** Keys and values, arrays by index, hashes by age. */
  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[];
}

/** Where the values of an array lie: entry i of processor c at base + i · stride + c · cpuStride. */
export interface ArrayGeometry {
  readonly base: number;
  readonly stride: number;
  /** 0 for arrays that all processors share. */
  readonly cpuStride: number;
  readonly entries: number;
}

/** The part of a map that helpers use: addresses in, addresses or negative errno out. */
export interface VmMapCore extends VmMap {
  lookupAddress(keyAddress: number): number;
  updateFrom(keyAddress: number, valueAddress: number, flags: number): number;
  deleteAt(keyAddress: number): number;
  /** Address of the value behind a direct map value (`lddw` with src 2), null for maps without one. */
  readonly valueAddress: number | null;
  /** Set for arrays, whose lookups are arithmetic. */
  readonly array?: ArrayGeometry;
  /** Called once memory exists; gives data maps their contents. */
  attach(space: AddressSpace): void;
  /** All values as they were at the beginning. */
  reset(): void;
  /** What the map keeps outside the machine's memory, for going back to it. */
  save(): Saved;
}

/** Which processor runs, of how many. */
export interface Cpus {
  readonly count: number;
  current: number;
}

function checkLength(def: MapDef, what: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new InputError(`a ${what} of map ${def.name} has ${size} bytes, not ${bytes.length}`);
}

/** Storage of `slots` values for each processor in one region. */
class Values {
  readonly perCpu: boolean;
  readonly region: Region;
  readonly #def: MapDef;
  readonly #slots: number;
  readonly #cpus: Cpus;
  #space!: AddressSpace;

  constructor(def: MapDef, slots: number, layout: AddressSpaceLayout, cpus: Cpus) {
    this.#def = def;
    this.#slots = slots;
    this.#cpus = cpus;
    this.perCpu = types.isPerCpu(def.type);
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
    for (let cpu = 0; cpu < (this.perCpu ? this.#cpus.count : 1); cpu++) this.#space.bytes.set(value, this.address(slot, cpu));
  }

  /** The running processor's value from memory; a new per-CPU entry is zero for the others, as Linux leaves it. */
  copyFrom(slot: number, address: number, fresh: boolean): void {
    if (fresh && this.perCpu) {
      for (let cpu = 0; cpu < this.#cpus.count; cpu++) {
        const at = this.address(slot, cpu);
        this.#space.bytes.fill(0, at, at + this.#def.valueSize);
      }
    }
    this.#space.bytes.copyWithin(this.address(slot), address, address + this.#def.valueSize);
  }

  clear(): void {
    const { base, stride, count } = this.region;
    this.#space.bytes.fill(0, base, base + stride * count);
  }
}

/** ARRAY, PERCPU_ARRAY and the maps of global data. */
class ArrayMap implements VmMapCore {
  readonly def: MapDef;
  readonly #values: Values;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus) {
    this.def = def;
    this.#values = new Values(def, def.maxEntries, layout, cpus);
  }

  get name(): string {
    return this.def.name;
  }

  get valueAddress(): number | null {
    return this.def.maxEntries === 1 && !this.#values.perCpu ? this.#values.region.base : null;
  }

  get array(): ArrayGeometry {
    const { base, stride } = this.#values.region;
    const { maxEntries } = this.def;
    return { base, stride, cpuStride: this.#values.perCpu ? maxEntries * stride : 0, entries: maxEntries };
  }

  attach(space: AddressSpace): void {
    this.#space = space;
    this.#values.attach(space);
    if (this.def.data) this.#values.write(0, this.def.data);
  }

  reset(): void {
    this.#values.clear();
    if (this.def.data) this.#values.write(0, this.def.data);
  }

  save(): Saved {
    return NOTHING_SAVED;
  }

  #index(key: Uint8Array): number {
    checkLength(this.def, 'key', key, 4);
    return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  }

  lookup(key: Uint8Array, cpu?: number): Uint8Array | null {
    const index = this.#index(key);
    return index < this.def.maxEntries ? this.#values.read(index, cpu) : null;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    const index = this.#index(key);
    checkLength(this.def, 'value', value, this.def.valueSize);
    if (index >= this.def.maxEntries)
      throw new InputError(`map ${this.name} has ${this.def.maxEntries} entries: there is no entry ${index}`);
    if (flags === NOEXIST) throw new InputError(`every entry of array ${this.name} exists already`);
    this.#values.write(index, value);
  }

  delete(): boolean {
    throw new InputError(`entries of array ${this.name} cannot be deleted`);
  }

  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[] {
    return Array.from({ length: this.def.maxEntries }, (_, index) => ({
      key: new Uint8Array(Uint32Array.of(index).buffer),
      value: this.#values.read(index, cpu),
    }));
  }

  lookupAddress(keyAddress: number): number {
    const index = this.#space.view.getUint32(keyAddress, true);
    return index < this.def.maxEntries ? this.#values.address(index) : 0;
  }

  updateFrom(keyAddress: number, valueAddress: number, flags: number): number {
    const index = this.#space.view.getUint32(keyAddress, true);
    if ((flags & ~F_LOCK) > EXIST) return -EINVAL;
    if (index >= this.def.maxEntries) return -E2BIG;
    if (flags & NOEXIST) return -EEXIST;
    this.#values.copyFrom(index, valueAddress, false);
    return 0;
  }

  deleteAt(): number {
    return -EINVAL;
  }
}

/** HASH, PERCPU_HASH and their LRU kinds. Eviction is by exact age; Linux approximates it. */
class HashMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly #values: Values;
  readonly #lru: boolean;
  /** Slot of each key; keys as strings of their bytes. */
  #slots = new Map<string, number>();
  /** Slots that no key has. Linux keeps one more than the map has entries, to replace a value without overwriting the old one. */
  #free: number[] = [];
  /** Slots below this one have been used. */
  #fresh = 0;
  /** What {@link save} gave, until keys change. */
  #saved: Saved | null = null;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus) {
    this.def = def;
    this.#lru = def.type === types.MAP_TYPE_LRU_HASH || def.type === types.MAP_TYPE_LRU_PERCPU_HASH;
    this.#values = new Values(def, def.maxEntries + 1, layout, cpus);
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
    this.#values.attach(space);
    this.#forget();
  }

  reset(): void {
    this.#values.clear();
    this.#forget();
  }

  #forget(): void {
    this.#slots = new Map();
    this.#free = [];
    this.#fresh = 0;
    this.#saved = null;
  }

  save(): Saved {
    if (!this.#saved) {
      const slots = new Map(this.#slots);
      const free = this.#free.slice();
      const fresh = this.#fresh;
      const saved: Saved = {
        // A key's string and its place in the table.
        bytes: slots.size * (this.def.keySize + 64) + free.length * 8,
        restore: () => {
          this.#slots = new Map(slots);
          this.#free = free.slice();
          this.#fresh = fresh;
          this.#saved = saved;
        },
      };
      this.#saved = saved;
    }
    return this.#saved;
  }

  #keyAt(address: number): string {
    return keyText(this.#space.bytes.subarray(address, address + this.def.keySize));
  }

  #find(key: string): number | undefined {
    const slot = this.#slots.get(key);
    if (slot !== undefined && this.#lru) {
      this.#saved = null;
      this.#slots.delete(key);
      this.#slots.set(key, slot);
    }
    return slot;
  }

  /** A slot for a new key, or -1 when the map is full. */
  #take(): number {
    if (this.#slots.size >= this.def.maxEntries) {
      if (!this.#lru) return -1;
      const oldest: string = this.#slots.keys().next().value!;
      this.#free.push(this.#slots.get(oldest)!);
      this.#slots.delete(oldest);
    }
    return this.#free.pop() ?? this.#fresh++;
  }

  /** The slot to write for `key`, or a negative errno. Values of plain hashes are replaced, not overwritten: old pointers keep the old value. */
  #slotForUpdate(key: string, flags: number): number {
    this.#saved = null;
    if ((flags & ~F_LOCK) > EXIST) return -EINVAL;
    const old = this.#find(key);
    if (old !== undefined) {
      if (flags & NOEXIST) return -EEXIST;
      if (this.#values.perCpu) return old;
      const slot = this.#free.pop() ?? this.#fresh++;
      this.#slots.set(key, slot);
      this.#free.push(old);
      return slot;
    }
    if (flags & EXIST) return -ENOENT;
    const slot = this.#take();
    if (slot < 0) return -E2BIG;
    this.#slots.set(key, slot);
    return slot;
  }

  lookup(key: Uint8Array, cpu?: number): Uint8Array | null {
    checkLength(this.def, 'key', key, this.def.keySize);
    const slot = this.#slots.get(keyText(key));
    return slot === undefined ? null : this.#values.read(slot, cpu);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'key', key, this.def.keySize);
    checkLength(this.def, 'value', value, this.def.valueSize);
    const slot = this.#slotForUpdate(keyText(key), flags);
    if (slot < 0) throw new InputError(`map ${this.name} refuses the update: errno ${-slot}`);
    this.#values.write(slot, value);
  }

  delete(key: Uint8Array): boolean {
    checkLength(this.def, 'key', key, this.def.keySize);
    return this.#remove(keyText(key));
  }

  #remove(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#saved = null;
    this.#slots.delete(key);
    this.#free.push(slot);
    return true;
  }

  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#slots].map(([key, slot]) => ({
      key: Uint8Array.from(key, (char) => char.charCodeAt(0)),
      value: this.#values.read(slot, cpu),
    }));
  }

  lookupAddress(keyAddress: number): number {
    const slot = this.#find(this.#keyAt(keyAddress));
    return slot === undefined ? 0 : this.#values.address(slot);
  }

  updateFrom(keyAddress: number, valueAddress: number, flags: number): number {
    const key = this.#keyAt(keyAddress);
    const known = this.#slots.has(key);
    const slot = this.#slotForUpdate(key, flags);
    if (slot < 0) return slot;
    this.#values.copyFrom(slot, valueAddress, !known);
    return 0;
  }

  deleteAt(keyAddress: number): number {
    return this.#remove(this.#keyAt(keyAddress)) ? 0 : -ENOENT;
  }
}

function keyText(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

/** Maps whose values programs do not see: where packets are sent and where events go. */
class TargetMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  #targets = new Map<string, Uint8Array>();

  constructor(def: MapDef) {
    this.def = def;
  }

  get name(): string {
    return this.def.name;
  }

  attach(): void {}

  reset(): void {
    this.#targets = new Map();
  }

  save(): Saved {
    // Programs cannot change them: a copy is made by whoever does.
    const targets = this.#targets;
    return {
      bytes: 0,
      restore: () => {
        this.#targets = targets;
      },
    };
  }

  lookup(key: Uint8Array): Uint8Array | null {
    return this.#targets.get(keyText(key))?.slice() ?? null;
  }

  update(key: Uint8Array, value: Uint8Array): void {
    checkLength(this.def, 'key', key, this.def.keySize);
    checkLength(this.def, 'value', value, this.def.valueSize);
    this.#targets = new Map(this.#targets).set(keyText(key), value.slice());
  }

  delete(key: Uint8Array): boolean {
    this.#targets = new Map(this.#targets);
    return this.#targets.delete(keyText(key));
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#targets].map(([key, value]) => ({ key: Uint8Array.from(key, (c) => c.charCodeAt(0)), value: value.slice() }));
  }

  lookupAddress(): number {
    return 0;
  }

  updateFrom(): number {
    return -EINVAL;
  }

  deleteAt(): number {
    return -EINVAL;
  }
}

const ARRAYS = new Set([types.MAP_TYPE_ARRAY, types.MAP_TYPE_PERCPU_ARRAY]);
const HASHES = new Set([types.MAP_TYPE_HASH, types.MAP_TYPE_PERCPU_HASH, types.MAP_TYPE_LRU_HASH, types.MAP_TYPE_LRU_PERCPU_HASH]);
const TARGETS = new Set([
  types.MAP_TYPE_PROG_ARRAY,
  types.MAP_TYPE_PERF_EVENT_ARRAY,
  types.MAP_TYPE_DEVMAP,
  types.MAP_TYPE_DEVMAP_HASH,
  types.MAP_TYPE_CPUMAP,
  types.MAP_TYPE_XSKMAP,
  types.MAP_TYPE_RINGBUF,
]);

/** The map of a definition; its memory is reserved in `layout`. */
export function createMap(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus): VmMapCore {
  if (def.data && def.data.length !== def.valueSize) {
    throw new InputError(`map ${def.name} has values of ${def.valueSize} bytes, but contents of ${def.data.length}`);
  }
  if (ARRAYS.has(def.type)) return new ArrayMap(def, layout, cpus);
  if (HASHES.has(def.type)) return new HashMap(def, layout, cpus);
  if (TARGETS.has(def.type)) return new TargetMap(def);
  throw new InputError(`maps of type ${types.mapTypeName(def.type)} are not available in this machine`, `map ${def.name}`);
}
