import type { LocalStruct } from '../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import type { VmMapCore } from './maps.ts';
import type { Saved } from './saved.ts';

/** Objects of one kind that may exist at a time. */
const MOST_OBJECTS = 1024;
/** Room for a key at least, and how deep walks over maps nest: one in each frame. */
const LEAST_KEY = 512;
const MAX_DEPTH = 9;

/** What bpf_obj_new hands out, each kind of structure in a region of its own, and the lists and trees made of them. */
export class Objects {
  readonly #regions = new Map<number, Region>();
  readonly #free = new Map<number, number[]>();
  /** References to each object, by address. */
  readonly #references = new Map<number, { id: number; count: number }>();
  /** Nodes of each list or tree, in order, by the address of its head; and the head of each node. */
  readonly collections = new Map<number, number[]>();
  readonly collectionOf = new Map<number, number>();
  /** What the bits iterators go over, by their address. */
  readonly bits = new Map<number, Uint8Array>();

  constructor(layout: AddressSpaceLayout, structs: ReadonlyMap<number, LocalStruct> | undefined) {
    for (const [id, struct] of structs ?? []) {
      if (struct.size > 0)
        this.#regions.set(id, layout.add({ name: `object ${struct.name}`, elementSize: struct.size, count: MOST_OBJECTS }));
    }
    this.clear();
  }

  /** A new object of the structure with BTF id `id`, zeroed; 0 when there is no room. */
  allocate(space: AddressSpace, id: number): number {
    const region = this.#regions.get(id);
    const index = this.#free.get(id)?.pop();
    if (!region || index === undefined) return 0;
    const address = region.base + index * region.stride;
    space.bytes.fill(0, address, address + region.elementSize);
    this.#references.set(address, { id, count: 1 });
    return address;
  }

  /** Another reference to the object; false when there is none. */
  acquire(address: number): boolean {
    const object = this.#references.get(address);
    if (object) object.count++;
    return object !== undefined;
  }

  /** One reference less; the last one frees the object. */
  drop(address: number): boolean {
    const object = this.#references.get(address);
    if (!object) return false;
    if (--object.count === 0) {
      const region = this.#regions.get(object.id)!;
      this.#references.delete(address);
      this.#free.get(object.id)!.push((address - region.base) / region.stride);
    }
    return true;
  }

  save(): Saved {
    const free = [...this.#free].map(([id, slots]) => [id, slots.slice()] as const);
    const references = [...this.#references].map(([address, object]) => [address, { ...object }] as const);
    const collections = [...this.collections].map(([head, nodes]) => [head, nodes.slice()] as const);
    const [collectionOf, bits] = [[...this.collectionOf], [...this.bits]];
    return {
      bytes:
        (references.length + collectionOf.length + collections.length) * 64 + free.reduce((sum, [, slots]) => sum + slots.length * 8, 0),
      restore: () => {
        refill(
          this.#free,
          free.map(([id, slots]) => [id, slots.slice()] as const),
        );
        refill(
          this.#references,
          references.map(([address, object]) => [address, { ...object }] as const),
        );
        refill(
          this.collections,
          collections.map(([head, nodes]) => [head, nodes.slice()] as const),
        );
        refill(this.collectionOf, collectionOf);
        refill(this.bits, bits);
      },
    };
  }

  /** Forgets everything. */
  clear(): void {
    for (const id of this.#regions.keys())
      this.#free.set(
        id,
        Array.from({ length: MOST_OBJECTS }, (_, i) => MOST_OBJECTS - 1 - i),
      );
    this.#references.clear();
    this.collections.clear();
    this.collectionOf.clear();
    this.bits.clear();
  }
}

function refill<K, V>(map: Map<K, V>, entries: readonly (readonly [K, V])[]): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

/** Memory for keys that callbacks look at, one for each walk that is under way. */
export class KeyMemory {
  readonly #region: Region;
  #space!: AddressSpace;
  #depth = 0;

  /** `maps` are those whose keys it is to hold. */
  constructor(layout: AddressSpaceLayout, maps: readonly VmMapCore[]) {
    const longest = maps.reduce((size, map) => (map.visit ? Math.max(size, map.def.keySize) : size), 0);
    this.#region = layout.add({ name: 'map key', elementSize: Math.max(longest, LEAST_KEY), count: MAX_DEPTH + 1, writable: false });
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  /** Address of a copy of `key`, good until the matching {@link pop}. */
  push(key: Uint8Array): number {
    const address = this.#region.base + Math.min(this.#depth++, MAX_DEPTH) * this.#region.stride;
    this.#space.bytes.set(key, address);
    return address;
  }

  pop(): void {
    this.#depth--;
  }

  reset(): void {
    this.#depth = 0;
  }

  save(): Saved {
    const depth = this.#depth;
    return {
      bytes: 8,
      restore: () => {
        this.#depth = depth;
      },
    };
  }
}
