import { InputError } from '../../base/errors.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace } from '../address-space.ts';
import { EINVAL, ENOENT, ENOTSUPP } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { jenkinsHash } from './jenkins.ts';
import { checkLength, MapRefusal, type VmMapCore } from './types.ts';

/** Hash functions of a filter that asks for no number of its own. */
const HASHES = 5;
/** A byte each. */
const MOST_BITS = 2 ** 28;

/** BLOOM_FILTER: says of a value that it was surely not added, or perhaps; the same values as the kernel's with BPF_F_ZERO_SEED. */
export class BloomFilter implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly queue: NonNullable<VmMapCore['queue']>;
  readonly #bits: Uint8Array;
  #space!: AddressSpace;

  constructor(def: MapDef) {
    this.def = def;
    // Enough that HASHES functions err in few cases: entries · functions / ln 2, rounded up to a power of two.
    const wanted = Math.ceil((def.maxEntries * HASHES * 7) / 5);
    const bits = Math.max(64, 2 ** Math.ceil(Math.log2(wanted)));
    if (bits > MOST_BITS)
      throw new InputError(`a bloom filter of ${bits} bits is larger than this machine allows`, `map ${def.name}`, 'Give it fewer entries');
    this.#bits = new Uint8Array(bits);
    this.queue = {
      push: (address, flags) => this.#add(this.#space.bytes.subarray(address, address + def.valueSize), flags),
      pop: () => -ENOTSUPP,
      peek: (address) => (this.#mayHold(this.#space.bytes.subarray(address, address + def.valueSize)) ? 0 : -ENOENT),
    };
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  reset(): void {
    this.#bits.fill(0);
  }

  save(): Saved {
    const bits = this.#bits.slice();
    return { bytes: bits.length, restore: () => this.#bits.set(bits) };
  }

  /** The value in place of a key: itself when it may be in the filter. */
  lookup(value: Uint8Array): Uint8Array | null {
    checkLength(this.def, 'value', value, this.def.valueSize);
    return this.#mayHold(value) ? value.slice() : null;
  }

  update(_: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'value', value, this.def.valueSize);
    const result = this.#add(value, flags);
    if (result !== 0) throw new MapRefusal(this.name, -result, 'the flags are unknown');
  }

  delete(): boolean {
    throw new MapRefusal(this.name, ENOTSUPP, 'values of a bloom filter cannot be deleted');
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return [];
  }

  lookupAddress(): number {
    return 0;
  }

  updateFrom(): number {
    return -EINVAL;
  }

  deleteAt(): number {
    return -ENOTSUPP;
  }

  #add(value: Uint8Array, flags: number): number {
    if (flags !== 0) return -EINVAL;
    for (let i = 0; i < HASHES; i++) this.#bits[this.#place(value, i)] = 1;
    return 0;
  }

  #mayHold(value: Uint8Array): boolean {
    for (let i = 0; i < HASHES; i++) if (this.#bits[this.#place(value, i)] === 0) return false;
    return true;
  }

  #place(value: Uint8Array, index: number): number {
    return (jenkinsHash(value, index) >>> 0) % this.#bits.length;
  }
}
