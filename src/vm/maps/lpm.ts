import { InputError } from '../../base/errors.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace, AddressSpaceLayout } from '../address-space.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { type Cpus, checkLength, EXIST, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';
import { Values } from './values.ts';

/** `struct bpf_lpm_trie_key_u8`: the prefix's length in bits, then the data. */
const LENGTH = 4;
/** LPM_DATA_SIZE_MAX */
const MOST_DATA = 256;

interface Entry {
  /** As given: bits behind the prefix are kept. */
  readonly key: Uint8Array;
  readonly bits: number;
  readonly slot: number;
}

/** LPM_TRIE: finds the entry with the longest prefix that a key begins with. */
export class LpmTrie implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly #values: Values;
  readonly #maxBits: number;
  /** By length of the prefix, then by its bits as text. */
  #byLength = new Map<number, Map<string, Entry>>();
  #size = 0;
  /** Slots that no entry has; an update takes a new one, so that old pointers keep the old value. */
  #free: number[] = [];
  #fresh = 0;
  #space!: AddressSpace;

  constructor(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus) {
    this.def = def;
    if (def.keySize <= LENGTH || def.keySize > LENGTH + MOST_DATA)
      throw new InputError(`keys of a trie are ${LENGTH + 1} to ${LENGTH + MOST_DATA} bytes long, not ${def.keySize}`, `map ${def.name}`);
    this.#maxBits = (def.keySize - LENGTH) * 8;
    this.#values = new Values(def, def.maxEntries + 1, layout, cpus);
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
    this.#byLength = new Map();
    this.#size = 0;
    this.#free = [];
    this.#fresh = 0;
  }

  save(): Saved {
    const byLength = [...this.#byLength].map(([bits, entries]) => [bits, new Map(entries)] as const);
    const free = this.#free.slice();
    const [size, fresh] = [this.#size, this.#fresh];
    return {
      bytes: size * (this.def.keySize + 96) + free.length * 8,
      restore: () => {
        this.#byLength = new Map(byLength.map(([bits, entries]) => [bits, new Map(entries)]));
        this.#free = free.slice();
        this.#size = size;
        this.#fresh = fresh;
      },
    };
  }

  lookup(key: Uint8Array): Uint8Array | null {
    checkLength(this.def, 'key', key, this.def.keySize);
    const entry = this.#longest(key);
    return entry ? this.#values.read(entry.slot) : null;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'key', key, this.def.keySize);
    checkLength(this.def, 'value', value, this.def.valueSize);
    const slot = this.#slotFor(key.slice(), flags);
    if (slot < 0) throw new MapRefusal(this.name, -slot, REFUSED[-slot]);
    this.#values.write(slot, value);
  }

  delete(key: Uint8Array): boolean {
    checkLength(this.def, 'key', key, this.def.keySize);
    if (bitsOf(key) > this.#maxBits) throw new MapRefusal(this.name, EINVAL, REFUSED[EINVAL]);
    return this.#remove(key);
  }

  /** In the kernel's order: longer prefixes before those that they lie in, zeros before ones. */
  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return this.#sorted().map(({ key, slot }) => ({ key: key.slice(), value: this.#values.read(slot) }));
  }

  lookupAddress(keyAddress: number): number {
    const entry = this.#longest(this.#keyAt(keyAddress));
    return entry ? this.#values.address(entry.slot) : 0;
  }

  updateFrom(keyAddress: number, valueAddress: number, flags: number): number {
    const slot = this.#slotFor(this.#keyAt(keyAddress), flags);
    if (slot < 0) return slot;
    this.#values.copyFrom(slot, valueAddress, true);
    return 0;
  }

  deleteAt(keyAddress: number): number {
    const key = this.#keyAt(keyAddress);
    if (bitsOf(key) > this.#maxBits) return -EINVAL;
    return this.#remove(key) ? 0 : -ENOENT;
  }

  #keyAt(address: number): Uint8Array {
    return this.#space.bytes.slice(address, address + this.def.keySize);
  }

  #longest(key: Uint8Array): Entry | null {
    const bits = bitsOf(key);
    if (bits > this.#maxBits) return null;
    for (let length = bits; length >= 0; length--) {
      const found = this.#byLength.get(length)?.get(prefixText(key, length));
      if (found) return found;
    }
    return null;
  }

  #slotFor(key: Uint8Array, flags: number): number {
    const bits = bitsOf(key);
    if (flags > EXIST || bits > this.#maxBits) return -EINVAL;
    const text = prefixText(key, bits);
    let sameLength = this.#byLength.get(bits);
    const old = sameLength?.get(text);
    if (old && flags === NOEXIST) return -EEXIST;
    if (!old && flags === EXIST) return -ENOENT;
    if (!old && this.#size === this.def.maxEntries) return -ENOSPC;
    const slot = this.#free.pop() ?? this.#fresh++;
    if (!sameLength) {
      sameLength = new Map();
      this.#byLength.set(bits, sameLength);
    }
    if (old) this.#free.push(old.slot);
    else this.#size++;
    sameLength.set(text, { key, bits, slot });
    return slot;
  }

  #remove(key: Uint8Array): boolean {
    const bits = bitsOf(key);
    const sameLength = this.#byLength.get(bits);
    const text = prefixText(key, bits);
    const entry = sameLength?.get(text);
    if (!entry) return false;
    sameLength!.delete(text);
    this.#free.push(entry.slot);
    this.#size--;
    return true;
  }

  #sorted(): Entry[] {
    return [...this.#byLength.values()].flatMap((entries) => [...entries.values()]).sort(inTreeOrder);
  }
}

const REFUSED: Record<number, string> = {
  [EINVAL]: 'the prefix is longer than its key, or the flags are unknown',
  [EEXIST]: 'the prefix exists already',
  [ENOENT]: 'the prefix does not exist',
  [ENOSPC]: 'it is full',
};

function bitsOf(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(0, true);
}

const bitAt = (key: Uint8Array, bit: number): number => (key[LENGTH + (bit >> 3)] >> (7 - (bit & 7))) & 1;

/** The first `bits` bits of the data as text. */
function prefixText(key: Uint8Array, bits: number): string {
  const bytes = key.subarray(LENGTH, LENGTH + ((bits + 7) >> 3));
  const text = String.fromCharCode(...bytes.subarray(0, bits >> 3));
  return bits & 7 ? text + String.fromCharCode(bytes[bits >> 3] & (0xff00 >> (bits & 7))) : text;
}

function inTreeOrder(a: Entry, b: Entry): number {
  const common = Math.min(a.bits, b.bits);
  for (let bit = 0; bit < common; bit++) {
    const difference = bitAt(a.key, bit) - bitAt(b.key, bit);
    if (difference !== 0) return difference;
  }
  return b.bits - a.bits;
}
