import { MAP_TYPE_ARRAY_OF_MAPS } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace } from '../address-space.ts';
import { MAP_BASE } from '../decode.ts';
import { E2BIG, EEXIST, EINVAL, ENOENT } from '../errno.ts';
import type { Saved } from '../saved.ts';
import { checkLength, EXIST, keyBytes, keyText, MapRefusal, NOEXIST, type VmMapCore } from './types.ts';

/** ARRAY_OF_MAPS and HASH_OF_MAPS. A value is the number of a map of the machine; programs find the map itself. */
export class OuterMap implements VmMapCore {
  readonly def: MapDef;
  readonly valueAddress = null;
  readonly #isArray: boolean;
  readonly #maps: readonly VmMapCore[];
  #inner = new Map<string, number>();
  #space!: AddressSpace;

  /** `maps` are all maps of the machine. */
  constructor(def: MapDef, maps: readonly VmMapCore[]) {
    this.def = def;
    this.#isArray = def.type === MAP_TYPE_ARRAY_OF_MAPS;
    this.#maps = maps;
  }

  get name(): string {
    return this.def.name;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  reset(): void {
    this.#inner = new Map();
  }

  save(): Saved {
    const inner = [...this.#inner];
    return {
      bytes: inner.length * 64,
      restore: () => {
        this.#inner = new Map(inner);
      },
    };
  }

  lookup(key: Uint8Array): Uint8Array | null {
    const number = this.#inner.get(keyText(key));
    return number === undefined ? null : new Uint8Array(Uint32Array.of(number).buffer);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    checkLength(this.def, 'key', key, this.def.keySize);
    checkLength(this.def, 'value', value, 4);
    const refuse = (errno: number, why: string): never => {
      throw new MapRefusal(this.name, errno, why);
    };
    if (flags > EXIST) refuse(EINVAL, 'the flags are unknown');
    const text = keyText(key);
    if (this.#isArray) {
      const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
      if (index >= this.def.maxEntries) refuse(E2BIG, `it has ${this.def.maxEntries} entries: there is no entry ${index}`);
      if (flags === NOEXIST) refuse(EEXIST, 'every entry of an array exists already');
    } else if (this.#inner.has(text)) {
      if (flags === NOEXIST) refuse(EEXIST, 'the key exists already');
    } else {
      if (flags === EXIST) refuse(ENOENT, 'the key does not exist');
      if (this.#inner.size >= this.def.maxEntries) refuse(E2BIG, 'it is full');
    }
    const number = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    const inner = this.#maps[number]?.def;
    const { inner: template } = this.def;
    if (!inner) refuse(EINVAL, `this machine has no map ${number}`);
    if (template && (inner.type !== template.type || inner.keySize !== template.keySize || inner.valueSize !== template.valueSize))
      refuse(EINVAL, `map ${inner.name} is not of the kind that it holds`);
    this.#inner.set(text, number);
  }

  delete(key: Uint8Array): boolean {
    return this.#inner.delete(keyText(key));
  }

  entries(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#inner].map(([key, number]) => ({ key: keyBytes(key), value: new Uint8Array(Uint32Array.of(number).buffer) }));
  }

  lookupAddress(keyAddress: number): number {
    const number = this.#inner.get(keyText(this.#space.bytes.subarray(keyAddress, keyAddress + this.def.keySize)));
    return number === undefined ? 0 : MAP_BASE + number * 16;
  }

  updateFrom(): number {
    return -EINVAL;
  }

  deleteAt(): number {
    return -EINVAL;
  }
}
