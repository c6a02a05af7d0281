import { InputError } from '../../base/errors.ts';
import { MAP_TYPE_STACK } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace } from '../address-space.ts';
import { E2BIG, EINVAL, ENOENT } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { checkLength, EXIST, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';

const NO_KEY = new Uint8Array(0);
const MOST_BYTES = 1 << 30;

/** QUEUE and STACK: values without keys. */
export class QueueMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly queue: NonNullable<VmMapCore['queue']>;
  readonly #isStack: boolean;
  /** Places of the values, one after the other and round again; made when the first one comes. */
  #ring: Uint8Array | null = null;
  /** Place of the oldest value. */
  #first = 0;
  #count = 0;
  #space!: AddressSpace;

  constructor(def: MapDef) {
    this.def = def;
    this.#isStack = def.type === MAP_TYPE_STACK;
    const bytes = def.maxEntries * def.valueSize;
    if (bytes > MOST_BYTES)
      throw new InputError(
        `it needs ${bytes} bytes, and a queue of this machine has ${MOST_BYTES} at most`,
        `map ${def.name}`,
        'Give it fewer entries',
      );
    this.queue = {
      push: (address, flags) => this.#push(this.#space.bytes.subarray(address, address + def.valueSize), flags),
      pop: (address) => this.#put(address, this.take()),
      peek: (address) => this.#put(address, this.#next()),
    };
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  reset(): void {
    this.#first = 0;
    this.#count = 0;
  }

  save(): Saved {
    const values = Array.from({ length: this.#count }, (_, i) => this.#at(i).slice());
    return {
      bytes: values.length * (this.def.valueSize + 16),
      restore: () => {
        this.reset();
        for (const value of values) this.#push(value, 0);
      },
    };
  }

  /** The value that leaves next. */
  lookup(): Uint8Array | null {
    return this.#next()?.slice() ?? null;
  }

  update(_: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'value', value, this.def.valueSize);
    const result = this.#push(value, flags);
    if (result !== 0) throw new MapRefusal(this.name, -result, result === -E2BIG ? 'it is full' : 'the flags are unknown');
  }

  delete(): boolean {
    throw new MapRefusal(this.name, EINVAL, 'values of a queue or stack are popped, not deleted');
  }

  take(): Uint8Array | null {
    const value = this.#next()?.slice() ?? null;
    if (!value) return null;
    this.#count--;
    if (!this.#isStack) this.#first = (this.#first + 1) % this.def.maxEntries;
    return value;
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    const values = Array.from({ length: this.#count }, (_, i) => ({ key: NO_KEY, value: this.#at(i).slice() }));
    return this.#isStack ? values.reverse() : values;
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

  #next(): Uint8Array | null {
    return this.#count === 0 ? null : this.#at(this.#isStack ? this.#count - 1 : 0);
  }

  /** The value that came after `index` others. */
  #at(index: number): Uint8Array {
    const { maxEntries, valueSize } = this.def;
    this.#ring ??= new Uint8Array(maxEntries * valueSize);
    const place = (this.#first + index) % maxEntries;
    return this.#ring.subarray(place * valueSize, (place + 1) * valueSize);
  }

  /** BPF_EXIST makes room by dropping the oldest value. */
  #push(value: Uint8Array, flags: number): number {
    if (flags & NOEXIST || flags > EXIST) return -EINVAL;
    if (this.#count >= this.def.maxEntries) {
      if (flags !== EXIST) return -E2BIG;
      this.#first = (this.#first + 1) % this.def.maxEntries;
      this.#count--;
    }
    this.#at(this.#count++).set(value);
    return 0;
  }

  /** What an empty queue leaves is zero. */
  #put(address: number, value: Uint8Array | null): number {
    if (value) this.#space.bytes.set(value, address);
    else this.#space.bytes.fill(0, address, address + this.def.valueSize);
    return value ? 0 : -ENOENT;
  }
}
