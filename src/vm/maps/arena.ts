import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from '../address-space.ts';
import { EINVAL } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { MapRefusal, type VmMapCore } from './types.ts';

const PAGE = 4096;

/**
 * ARENA: pages that program and user space share. Both see them at the same address, so that address-space casts only cut pointers to
 * 32 bits. Pages that were never allocated read as zero, as in Linux; a write to one stays here, where Linux drops it.
 */
export class ArenaMap implements VmMapCore {
  readonly def: MapDef;
  readonly arena: NonNullable<VmMapCore['arena']>;
  readonly #region: Region;
  readonly #taken: Uint8Array;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout) {
    this.def = def;
    this.#region = layout.add({ name: `arena ${def.name}`, elementSize: def.maxEntries * PAGE, stride: def.maxEntries * PAGE });
    this.#taken = new Uint8Array(def.maxEntries);
    this.arena = { allocate: (hint, pages) => this.#allocate(hint, pages), free: (address, pages) => this.#free(address, pages) };
  }

  get name(): string {
    return this.def.name;
  }

  get valueAddress(): number {
    return this.#region.base;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
    this.#fill();
  }

  reset(): void {
    this.#space.bytes.fill(0, this.#region.base, this.#region.base + this.#region.elementSize);
    this.#taken.fill(0);
    this.#fill();
  }

  save(): Saved {
    const taken = this.#taken.slice();
    return { bytes: taken.length, restore: () => this.#taken.set(taken) };
  }

  /** The page with number `key`, null when it is not allocated. */
  lookup(key: Uint8Array): Uint8Array | null {
    const page = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    const at = this.#region.base + page * PAGE;
    return this.#taken[page] ? this.#space.bytes.slice(at, at + PAGE) : null;
  }

  update(): void {
    throw new MapRefusal(this.name, EINVAL, 'an arena has no entries');
  }

  delete(): boolean {
    throw new MapRefusal(this.name, EINVAL, 'an arena has no entries');
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#taken.keys()]
      .filter((page) => this.#taken[page])
      .map((page) => {
        const key = new Uint8Array(Uint32Array.of(page).buffer);
        return { key, value: this.lookup(key)! };
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

  #fill(): void {
    if (!this.def.data) return;
    this.#space.bytes.set(this.def.data, this.#region.base);
    this.#taken.fill(1, 0, Math.ceil(this.def.data.length / PAGE));
  }

  #allocate(hint: number, pages: number): number {
    const count = this.#taken.length;
    if (pages === 0 || pages > count) return 0;
    /** The last taken one of the pages from `first` on, -1 where all are free. */
    const taken = (first: number): number => this.#taken.subarray(first, first + pages).lastIndexOf(1);
    let first = 0;
    if (hint !== 0) {
      first = (hint - this.#region.base) / PAGE;
      if (!Number.isInteger(first) || first < 0 || first + pages > count || taken(first) >= 0) return 0;
    } else {
      for (let last = taken(0); last >= 0; last = taken(first)) {
        first += last + 1;
        if (first + pages > count) return 0;
      }
    }
    this.#taken.fill(1, first, first + pages);
    return this.#region.base + first * PAGE;
  }

  #free(address: number, pages: number): void {
    const first = Math.floor((address - this.#region.base) / PAGE);
    if (first < 0 || first >= this.#taken.length) return;
    const last = Math.min(first + pages, this.#taken.length);
    this.#taken.fill(0, first, last);
    this.#space.bytes.fill(0, this.#region.base + first * PAGE, this.#region.base + last * PAGE);
  }
}
