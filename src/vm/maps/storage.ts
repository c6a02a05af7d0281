import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout } from '../address-space.ts';
import { EINVAL } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { type Cpus, MapRefusal, type VmMapCore } from './types.ts';
import { Values } from './values.ts';

/** Objects that may have a value at a time. */
const MOST_OWNERS = 64;
/** Program and user space name an owner by its address in the machine, eight bytes. */
const OWNER_SIZE = 8;

/** SK_STORAGE, TASK_STORAGE, INODE_STORAGE, CGRP_STORAGE and CGROUP_STORAGE: one value for each object. */
export class StorageMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly storage: NonNullable<VmMapCore['storage']>;
  readonly #values: Values;
  #slots = new Map<number, number>();
  #free: number[] = [];
  #fresh = 0;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus) {
    this.def = def;
    this.#values = new Values(def, MOST_OWNERS, layout, cpus);
    this.storage = {
      get: (owner, create, initial) => this.#get(owner, create, initial),
      delete: (owner) => this.#delete(owner),
    };
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
    this.#values.attach(space);
  }

  reset(): void {
    this.#values.clear();
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

  lookup(key: Uint8Array, cpu?: number): Uint8Array | null {
    const slot = this.#slots.get(ownerOf(key));
    return slot === undefined ? null : this.#values.read(slot, cpu);
  }

  update(): void {
    throw new MapRefusal(this.name, EINVAL, 'the values of objects are made by programs in this machine');
  }

  delete(key: Uint8Array): boolean {
    return this.#delete(ownerOf(key));
  }

  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#slots].map(([owner, slot]) => {
      const key = new Uint8Array(OWNER_SIZE);
      new DataView(key.buffer).setUint32(0, owner, true);
      return { key, value: this.#values.read(slot, cpu) };
    });
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

  #get(owner: number, create: boolean, initial: number): number {
    const known = this.#slots.get(owner);
    if (known !== undefined) return this.#values.address(known);
    if (!create || this.#slots.size >= MOST_OWNERS) return 0;
    const slot = this.#free.pop() ?? this.#fresh++;
    this.#slots.set(owner, slot);
    this.#values.zero(slot);
    if (initial !== 0) this.#space.bytes.copyWithin(this.#values.address(slot), initial, initial + this.def.valueSize);
    return this.#values.address(slot);
  }

  #delete(owner: number): boolean {
    const slot = this.#slots.get(owner);
    if (slot === undefined) return false;
    this.#slots.delete(owner);
    this.#free.push(slot);
    return true;
  }
}

function ownerOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
}
