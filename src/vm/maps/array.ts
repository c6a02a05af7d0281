import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout } from '../address-space.ts';
import { E2BIG, EEXIST, EINVAL } from '../errno.ts';
import { NOTHING_SAVED, type Saved } from '../saved.ts';
import { type ArrayGeometry, type Cpus, checkLength, EXIST, F_LOCK, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';
import { Values } from './values.ts';

/** ARRAY, PERCPU_ARRAY and the maps of global data. */
export class ArrayMap implements VmMapCore {
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
    // The system call looks at the lock first, the helper last.
    const errno = flags & F_LOCK && this.def.spinLockOff === undefined ? EINVAL : this.#refusal(index, flags);
    if (errno === E2BIG) throw new MapRefusal(this.name, E2BIG, `it has ${this.def.maxEntries} entries: there is no entry ${index}`);
    if (errno === EEXIST) throw new MapRefusal(this.name, EEXIST, 'every entry of an array exists already');
    if (errno !== 0) throw new MapRefusal(this.name, errno, `flags 0x${flags.toString(16)} are unknown`);
    this.#values.write(index, value);
  }

  delete(): boolean {
    throw new MapRefusal(this.name, EINVAL, 'entries of an array cannot be deleted');
  }

  /** 0, or the errno of an update with these flags. */
  #refusal(index: number, flags: number): number {
    if ((flags & ~F_LOCK) > EXIST) return EINVAL;
    if (index >= this.def.maxEntries) return E2BIG;
    if (flags & NOEXIST) return EEXIST;
    return flags & F_LOCK && this.def.spinLockOff === undefined ? EINVAL : 0;
  }

  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[] {
    return Array.from({ length: this.def.maxEntries }, (_, index) => ({
      key: keyOf(index),
      value: this.#values.read(index, cpu),
    }));
  }

  lookupAddress(keyAddress: number, cpu?: number): number {
    const index = this.#space.view.getUint32(keyAddress, true);
    return index < this.def.maxEntries ? this.#values.address(index, cpu) : 0;
  }

  updateFrom(keyAddress: number, valueAddress: number, flags: number): number {
    const index = this.#space.view.getUint32(keyAddress, true);
    const errno = this.#refusal(index, flags);
    if (errno === 0) this.#values.copyFrom(index, valueAddress, false);
    return -errno;
  }

  deleteAt(): number {
    return -EINVAL;
  }

  *visit(): Iterable<{ key: Uint8Array; address: number }> {
    for (let index = 0; index < this.def.maxEntries; index++) yield { key: keyOf(index), address: this.#values.address(index) };
  }

  ownerOf(address: number): { key: Uint8Array; value: number } | null {
    const index = this.#values.slotOf(address);
    return index < 0 ? null : { key: keyOf(index), value: this.#values.address(index) };
  }
}

function keyOf(index: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(index).buffer);
}
