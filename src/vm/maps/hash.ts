import * as types from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout } from '../address-space.ts';
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { type Cpus, checkLength, EXIST, F_LOCK, keyBytes, keyText, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';
import { Values } from './values.ts';

/** Keys that a JavaScript map holds. */
const MOST_KEYS = (1 << 24) - 1;

/** HASH, PERCPU_HASH and their LRU kinds. Eviction is by exact age; Linux approximates it. */
export class HashMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly #values: Values;
  readonly #lru: boolean;
  readonly #inPlace: boolean;
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
    this.#inPlace = def.spinLockOff !== undefined || (def.fields?.length ?? 0) > 0;
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
    const lock = this.def.spinLockOff === undefined ? 0 : F_LOCK;
    if ((flags & ~lock) > EXIST) return -EINVAL;
    const old = this.#find(key);
    if (old !== undefined) {
      if (flags & NOEXIST) return -EEXIST;
      // A value with kernel objects in it is written in place, so that they stay.
      if (this.#values.perCpu || this.#inPlace) return old;
      const slot = this.#free.pop() ?? this.#fresh++;
      this.#slots.set(key, slot);
      this.#free.push(old);
      return slot;
    }
    if (flags & EXIST) return -ENOENT;
    if (this.#slots.size >= MOST_KEYS) return -ENOMEM;
    const slot = this.#take();
    if (slot < 0) return -E2BIG;
    this.#values.zero(slot);
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
    if (slot < 0) throw new MapRefusal(this.name, -slot, REFUSED[-slot]);
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
      key: keyBytes(key),
      value: this.#values.read(slot, cpu),
    }));
  }

  lookupAddress(keyAddress: number, cpu?: number): number {
    const slot = this.#find(this.#keyAt(keyAddress));
    return slot === undefined ? 0 : this.#values.address(slot, cpu);
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

  *visit(): Iterable<{ key: Uint8Array; address: number }> {
    for (const key of [...this.#slots.keys()]) {
      const slot = this.#slots.get(key);
      if (slot !== undefined) yield { key: keyBytes(key), address: this.#values.address(slot) };
    }
  }

  ownerOf(address: number): { key: Uint8Array; value: number } | null {
    const slot = this.#values.slotOf(address);
    for (const [key, taken] of this.#slots) if (taken === slot) return { key: keyBytes(key), value: this.#values.address(slot) };
    return null;
  }
}

const REFUSED: Record<number, string> = {
  [E2BIG]: 'it is full',
  [ENOMEM]: `this machine keeps no more than ${MOST_KEYS} keys in a map`,
  [EEXIST]: 'the key exists already',
  [ENOENT]: 'the key does not exist',
  [EINVAL]: 'the flags are unknown',
};
