import { MAP_TYPE_STACK } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace } from '../address-space.ts';
import { E2BIG, EINVAL, ENOENT } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { checkLength, EXIST, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';

const NO_KEY = new Uint8Array(0);

/** QUEUE and STACK: values without keys. */
export class QueueMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly queue: NonNullable<VmMapCore['queue']>;
  readonly #isStack: boolean;
  /** From the oldest on. */
  #values: Uint8Array[] = [];
  #space!: AddressSpace;

  constructor(def: MapDef) {
    this.def = def;
    this.#isStack = def.type === MAP_TYPE_STACK;
    this.queue = {
      push: (address, flags) => this.#push(this.#space.bytes.slice(address, address + def.valueSize), flags),
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
    this.#values = [];
  }

  save(): Saved {
    const values = this.#values.slice();
    return {
      bytes: values.length * (this.def.valueSize + 16),
      restore: () => {
        this.#values = values.slice();
      },
    };
  }

  /** The value that leaves next. */
  lookup(): Uint8Array | null {
    return this.#next()?.slice() ?? null;
  }

  update(_: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'value', value, this.def.valueSize);
    const result = this.#push(value.slice(), flags);
    if (result !== 0) throw new MapRefusal(this.name, -result, result === -E2BIG ? 'it is full' : 'the flags are unknown');
  }

  delete(): boolean {
    throw new MapRefusal(this.name, EINVAL, 'values of a queue or stack are popped, not deleted');
  }

  take(): Uint8Array | null {
    return (this.#isStack ? this.#values.pop() : this.#values.shift()) ?? null;
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    const values = this.#isStack ? [...this.#values].reverse() : this.#values;
    return values.map((value) => ({ key: NO_KEY, value: value.slice() }));
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
    return this.#values.at(this.#isStack ? -1 : 0) ?? null;
  }

  /** BPF_EXIST makes room by dropping the oldest value. */
  #push(value: Uint8Array, flags: number): number {
    if (flags & NOEXIST || flags > EXIST) return -EINVAL;
    if (this.#values.length >= this.def.maxEntries) {
      if (flags !== EXIST) return -E2BIG;
      this.#values.shift();
    }
    this.#values.push(value);
    return 0;
  }

  /** What an empty queue leaves is zero. */
  #put(address: number, value: Uint8Array | null): number {
    if (value) this.#space.bytes.set(value, address);
    else this.#space.bytes.fill(0, address, address + this.def.valueSize);
    return value ? 0 : -ENOENT;
  }
}
