import * as types from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout } from '../address-space.ts';
import { E2BIG, EEXIST, EINVAL, ENOENT } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { type Cpus, checkLength, EXIST, keyBytes, keyText, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';
import { Values } from './values.ts';

/** Keys are indices below the number of entries. */
const INDEXED = new Set([
  types.MAP_TYPE_PROG_ARRAY,
  types.MAP_TYPE_PERF_EVENT_ARRAY,
  types.MAP_TYPE_DEVMAP,
  types.MAP_TYPE_CPUMAP,
  types.MAP_TYPE_XSKMAP,
  types.MAP_TYPE_CGROUP_ARRAY,
]);
/** Programs may read what these hold: `struct bpf_devmap_val`. */
const READABLE = new Set([types.MAP_TYPE_DEVMAP, types.MAP_TYPE_DEVMAP_HASH]);

/**
 * Maps of programs, devices, processors, sockets and rings: user space fills them, programs send packets, events and calls there. The value of
 * a program array is a program's number in the machine, that of a device map begins with the device's.
 */
export class TargetMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly #values: Values;
  readonly #readable: boolean;
  #slots = new Map<string, number>();
  #free: number[] = [];
  #fresh = 0;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus) {
    this.def = def;
    this.#readable = READABLE.has(def.type);
    // Rings have no entries.
    this.#values = new Values(
      { ...def, flags: types.MAP_FLAG_RDONLY_PROG },
      def.keySize === 0 ? 0 : Math.max(def.maxEntries, cpus.count),
      layout,
      cpus,
    );
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
    this.#values.attach(space);
  }

  reset(): void {
    this.#slots = new Map();
    this.#free = [];
    this.#fresh = 0;
  }

  save(): Saved {
    const slots = [...this.#slots];
    const free = this.#free.slice();
    const fresh = this.#fresh;
    return {
      bytes: slots.length * 64 + free.length * 8,
      restore: () => {
        this.#slots = new Map(slots);
        this.#free = free.slice();
        this.#fresh = fresh;
      },
    };
  }

  lookup(key: Uint8Array): Uint8Array | null {
    const slot = this.#slots.get(keyText(key));
    return slot === undefined ? null : this.#values.read(slot);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'key', key, this.def.keySize);
    checkLength(this.def, 'value', value, this.def.valueSize);
    const refuse = (errno: number, why: string): never => {
      throw new MapRefusal(this.name, errno, why);
    };
    const text = keyText(key);
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (flags > EXIST) refuse(EINVAL, 'the flags are unknown');
    if (INDEXED.has(this.def.type)) {
      const entries = this.def.maxEntries || this.#values.region.count;
      if (index >= entries) refuse(E2BIG, `it has ${entries} entries: there is no entry ${index}`);
      if (flags === NOEXIST) refuse(EEXIST, 'every entry of an array exists already');
    } else if (this.#slots.has(text)) {
      if (flags === NOEXIST) refuse(EEXIST, 'the key exists already');
    } else {
      if (flags === EXIST) refuse(ENOENT, 'the key does not exist');
      if (this.#slots.size >= this.def.maxEntries) refuse(E2BIG, 'it is full');
    }
    const slot = this.#slots.get(text) ?? this.#free.pop() ?? this.#fresh++;
    this.#slots.set(text, slot);
    this.#values.write(slot, value);
  }

  delete(key: Uint8Array): boolean {
    const text = keyText(key);
    const slot = this.#slots.get(text);
    if (slot === undefined) return false;
    this.#slots.delete(text);
    this.#free.push(slot);
    return true;
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#slots].map(([key, slot]) => ({ key: keyBytes(key), value: this.#values.read(slot) }));
  }

  lookupAddress(keyAddress: number): number {
    if (!this.#readable) return 0;
    const slot = this.#slots.get(keyText(this.#space.bytes.subarray(keyAddress, keyAddress + this.def.keySize)));
    return slot === undefined ? 0 : this.#values.address(slot);
  }

  updateFrom(): number {
    return -EINVAL;
  }

  deleteAt(): number {
    return -EINVAL;
  }
}
