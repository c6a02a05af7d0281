import { InputError } from '../../base/errors.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { AddressSpace } from '../address-space.ts';
import type { Saved } from '../saved.ts';

// Flags of bpf_map_update_elem.
export const NOEXIST = 1;
export const EXIST = 2;
export const F_LOCK = 4;

/** Linux would refuse the operation with this errno. */
export class MapRefusal extends InputError {
  readonly errno: number;

  constructor(map: string, errno: number, what: string) {
    super(what, `map ${map}`);
    this.name = 'MapRefusal';
    this.errno = errno;
  }
}

/** A map as programs and their surroundings see it. Values that are handed out are copies. */
export interface VmMap {
  readonly def: MapDef;
  readonly name: string;
  /** The value at `key` (of a per-CPU map: the one of `cpu`, by default the machine's), or null when there is none. */
  lookup(key: Uint8Array, cpu?: number): Uint8Array | null;
  /** `value` is one value, which every processor of a per-CPU map gets. Throws {@link MapRefusal} when Linux would refuse. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** True when the key was there. */
  delete(key: Uint8Array): boolean;
  /** Keys and values: arrays by index, hashes by age, tries in the kernel's order, queues from the next to leave on (with empty keys). */
  entries(cpu?: number): { key: Uint8Array; value: Uint8Array }[];
  /** Takes the next value out of a queue or stack, null when it is empty; undefined for other maps. */
  take?(): Uint8Array | null;
  /** Records that user space queued for bpf_user_ringbuf_drain; undefined for other maps. */
  readonly records?: Uint8Array[];
}

/** Where the values of an array lie: entry i of processor c at base + i · stride + c · cpuStride. */
export interface ArrayGeometry {
  readonly base: number;
  readonly stride: number;
  /** 0 for arrays that all processors share. */
  readonly cpuStride: number;
  readonly entries: number;
}

/** The part of a map that helpers use: addresses in, addresses or negative errno out. */
export interface VmMapCore extends VmMap {
  lookupAddress(keyAddress: number, cpu?: number): number;
  updateFrom(keyAddress: number, valueAddress: number, flags: number): number;
  deleteAt(keyAddress: number): number;
  /** Address of the value behind a direct map value (`lddw` with src 2), null for maps without one. */
  readonly valueAddress: number | null;
  /** Set for arrays, whose lookups are arithmetic. */
  readonly array?: ArrayGeometry;
  /** Of queues, stacks and bloom filters. */
  readonly queue?: {
    push(valueAddress: number, flags: number): number;
    pop(valueAddress: number): number;
    peek(valueAddress: number): number;
  };
  /** Of the kinds of local storage: the value's address that belongs to an object, 0 when there is none and none may be made. */
  readonly storage?: {
    get(owner: number, create: boolean, initialAddress: number): number;
    delete(owner: number): boolean;
  };
  readonly arena?: {
    allocate(hint: number, pages: number): number;
    free(address: number, pages: number): void;
  };
  /** Entries one after the other, for bpf_for_each_map_elem; absent where Linux has none. */
  visit?(): Iterable<{ key: Uint8Array; address: number }>;
  /** Entry whose value holds `address`. */
  ownerOf?(address: number): { key: Uint8Array; value: number } | null;
  /** Called once memory exists; gives data maps their contents. */
  attach(space: AddressSpace): void;
  /** All values as they were at the beginning. */
  reset(): void;
  /** What the map keeps outside the machine's memory, for going back to it. */
  save(): Saved;
}

/** Which processor runs, of how many. */
export interface Cpus {
  readonly count: number;
  current: number;
}

export function checkLength(def: MapDef, what: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new InputError(`a ${what} of map ${def.name} has ${size} bytes, not ${bytes.length}`);
}

/** Bytes as a key of a JavaScript map. */
export function keyText(key: Uint8Array): string {
  if (key.length <= MOST_ARGUMENTS) return String.fromCharCode(...key);
  let text = '';
  for (let at = 0; at < key.length; at += MOST_ARGUMENTS) text += String.fromCharCode(...key.subarray(at, at + MOST_ARGUMENTS));
  return text;
}

/** Arguments that a call surely takes. */
const MOST_ARGUMENTS = 4096;

export function keyBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
