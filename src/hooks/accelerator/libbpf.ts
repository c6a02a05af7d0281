import { InputError } from '../../base/errors.ts';
import type { AccelHook } from '../../bpf/accelerator/hooks.ts';
import { isPerCpu, MAP_TYPE_RINGBUF } from '../../bpf/maps.ts';
import type { MapDef, Program } from '../../bpf/program.ts';
import { type ObjectFile, readObject } from '../../object/reader.ts';
import { EINVAL, ENOENT } from '../../vm/errno.ts';
import { MapRefusal, type VmMap } from '../../vm/maps.ts';
import type { Device, Link } from './device.ts';
import { hookOf, type LoadedProgram, loadHookPrograms } from './program.ts';

/**
 * libbpf for the simulated accelerator: the functions that a program written for libbpf would call, under their names. What libbpf answers with a
 * negative errno about maps is that here; what it fails to open, load or attach is an {@link InputError} with the reason in words, where libbpf prints
 * them to its log. docs/accelerator.md has the table of what is mirrored and how.
 */

/** `struct bpf_object`: what {@link bpf_object__open} gives. */
export interface BpfObject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly file: ObjectFile;
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];
  state: 'open' | 'loaded' | 'closed';
  /** Records of ring buffers that nobody took yet, by map; as many bytes as the map has room for, later ones are lost. */
  readonly records: Map<string, Uint8Array[]>;
}

/** `struct bpf_program` */
export interface BpfProgram {
  readonly object: BpfObject;
  readonly program: Program;
  readonly hook: AccelHook;
  autoload: boolean;
  /** Null until the object is loaded. */
  loaded: LoadedProgram | null;
}

/** `struct bpf_map` */
export interface BpfMap {
  readonly object: BpfObject;
  readonly def: MapDef;
  /** Null until the object is loaded. */
  map: VmMap | null;
}

/** `struct bpf_link` */
export interface BpfLink {
  readonly device: Device;
  program: BpfProgram;
  readonly link: Link;
}

/** Names of attachments and update flags as libbpf and the kernel have them. */
export const BPF_ANY = 0;
export const BPF_NOEXIST = 1;
export const BPF_EXIST = 2;

/** Reads an object file. Throws {@link InputError} for what is none, and for objects without a program of the accelerator. */
export function bpf_object__open(bytes: Uint8Array, { object_name = 'object' }: { readonly object_name?: string } = {}): BpfObject {
  const file = readObject(bytes, object_name);
  const object: BpfObject = { name: object_name, bytes, file, programs: [], maps: [], state: 'open', records: new Map() };
  const programs = file.programs.map((program): BpfProgram => ({ object, program, hook: hookOf(program), autoload: true, loaded: null }));
  if (programs.length === 0) throw new InputError('there is no program in it', object_name);
  return Object.assign(object, { programs, maps: file.maps.map((def): BpfMap => ({ object, def, map: null })) });
}

export const bpf_object__name = (object: BpfObject): string => object.name;

export interface ObjectLoadOptions {
  readonly engine?: 'interp' | 'wasm';
  /**
   * An object whose maps' contents the new ones begin with, where name, type and sizes are the same. Where libbpf would share a map between two
   * objects (`bpf_map__reuse_fd`), each object here has its own.
   */
  readonly maps_from?: BpfObject;
}

/**
 * Verifies every program under the device's profile and makes their maps; programs of one object share them. Throws {@link InputError} with the
 * verifier's message; then nothing is loaded.
 */
export function bpf_object__load(object: BpfObject, { engine, maps_from }: ObjectLoadOptions = {}): void {
  if (object.state !== 'open') throw new InputError(`it is ${object.state}`, object.name);
  const wanted = object.programs.filter(({ autoload }) => autoload);
  const onEvents: NonNullable<Parameters<typeof loadHookPrograms>[1]>['onEvents'] = (events) => {
    for (const event of events) {
      if (event.kind !== 'ringbuf') continue;
      const records = object.records.get(event.map) ?? [];
      const room = object.maps.find(({ def }) => def.name === event.map)?.def.maxEntries ?? 0;
      if (records.reduce((sum, { length }) => sum + length, event.data.length) <= room) records.push(event.data);
      object.records.set(event.map, records);
    }
  };
  const loaded = loadHookPrograms(
    wanted.map(({ program }) => program),
    { ...(engine ? { engine } : {}), onEvents },
  );
  for (const [at, program] of wanted.entries()) program.loaded = loaded[at]!;
  const { maps } = loaded[0]!;
  for (const map of object.maps) map.map = maps.has(map.def.name) ? maps.get(map.def.name) : null;
  object.state = 'loaded';
  if (maps_from) for (const map of maps_from.maps) copyContents(map, object.maps.find(({ def }) => sameShape(def, map.def))?.map ?? null);
}

const sameShape = (a: MapDef, b: MapDef): boolean =>
  a.name === b.name && a.type === b.type && a.keySize === b.keySize && a.valueSize === b.valueSize && a.maxEntries === b.maxEntries;

/** Read-only data is the new object's own. */
function copyContents({ map, def }: BpfMap, to: VmMap | null): void {
  if (!map || !to || def.frozen || def.type === MAP_TYPE_RINGBUF || def.keySize === 0) return;
  for (const { key, value } of map.entries()) to.update(key, value);
}

/** Forgets the object. Its links stay attached, as links hold their programs. */
export function bpf_object__close(object: BpfObject): void {
  object.state = 'closed';
  object.records.clear();
}

export const bpf_object__find_program_by_name = (object: BpfObject, name: string): BpfProgram | null =>
  object.programs.find(({ program }) => program.name === name) ?? null;

export const bpf_object__find_map_by_name = (object: BpfObject, name: string): BpfMap | null =>
  object.maps.find(({ def }) => def.name === name) ?? null;

/** `bpf_object__for_each_program` and `bpf_object__for_each_map`, as what `for … of` takes. */
export const bpf_object__programs = (object: BpfObject): readonly BpfProgram[] => object.programs;
export const bpf_object__maps = (object: BpfObject): readonly BpfMap[] => object.maps;

export const bpf_program__name = ({ program }: BpfProgram): string => program.name;
export const bpf_program__section_name = ({ program }: BpfProgram): string => program.section;
export const bpf_program__type = ({ program }: BpfProgram): number => program.progType;
export const bpf_program__insn_cnt = ({ program }: BpfProgram): number => program.insns.length;
export const bpf_program__autoload = ({ autoload }: BpfProgram): boolean => autoload;

/** Whether {@link bpf_object__load} loads the program. 0, or -EINVAL for an object that is loaded. */
export function bpf_program__set_autoload(program: BpfProgram, autoload: boolean): number {
  if (program.object.state !== 'open') return -EINVAL;
  program.autoload = autoload;
  return 0;
}

/** Attaches a loaded program to the hook that its section names; of several on one hook, lower `order` first. Throws {@link InputError}. */
export function bpf_program__attach(program: BpfProgram, device: Device, options: { readonly order?: number } = {}): BpfLink {
  return { device, program, link: device.attach(loadedOf(program), options) };
}

function loadedOf({ loaded, program, object }: BpfProgram): LoadedProgram {
  if (!loaded) throw new InputError('it is not loaded', `${object.name}, program ${program.name}`, 'bpf_object__load loads it');
  return loaded;
}

/** Detaches: commands that have entered still meet the program, later ones do not. */
export function bpf_link__destroy({ link }: BpfLink): number {
  link.detach();
  return 0;
}

/** Puts another program of the same hook in the link's place at one moment: every command meets exactly one of the two. Throws {@link InputError}. */
export function bpf_link__update_program(link: BpfLink, program: BpfProgram): number {
  link.link.replace(loadedOf(program));
  link.program = program;
  return 0;
}

export const bpf_map__name = ({ def }: BpfMap): string => def.name;
export const bpf_map__type = ({ def }: BpfMap): number => def.type;
export const bpf_map__key_size = ({ def }: BpfMap): number => def.keySize;
export const bpf_map__value_size = ({ def }: BpfMap): number => def.valueSize;
export const bpf_map__max_entries = ({ def }: BpfMap): number => def.maxEntries;

/** Processors that per-CPU maps have values for. Programs of the device run on engine cores one at a time, and all see the first. */
export const libbpf_num_possible_cpus = (): number => 1;

/** Bytes of all processors' values, each padded to 8, as libbpf reads per-CPU maps. */
const transferSize = ({ type, valueSize }: MapDef): number =>
  isPerCpu(type) ? ((valueSize + 7) & ~7) * libbpf_num_possible_cpus() : valueSize;

/** The value at a key as a copy; null where there is none, or the key has another length. */
export function bpf_map__lookup_elem({ map, def }: BpfMap, key: Uint8Array): Uint8Array | null {
  if (!map || key.length !== def.keySize) return null;
  const value = map.lookup(key);
  if (!value) return null;
  const bytes = new Uint8Array(transferSize(def));
  bytes.set(value);
  return bytes;
}

/** 0, or a negative errno: -EINVAL for sizes that are not the map's and maps that are not loaded. A program sees either the old value or the new one. */
export function bpf_map__update_elem({ map, def }: BpfMap, key: Uint8Array, value: Uint8Array, flags = BPF_ANY): number {
  if (!map || key.length !== def.keySize || value.length !== transferSize(def)) return -EINVAL;
  try {
    map.update(key, value.subarray(0, def.valueSize), flags);
    return 0;
  } catch (error) {
    if (error instanceof MapRefusal) return -error.errno;
    throw error;
  }
}

/** 0, or -ENOENT. */
export function bpf_map__delete_elem({ map, def }: BpfMap, key: Uint8Array): number {
  if (!map || key.length !== def.keySize) return -EINVAL;
  try {
    return map.delete(key) ? 0 : -ENOENT;
  } catch (error) {
    if (error instanceof MapRefusal) return -error.errno;
    throw error;
  }
}

/** The key behind `key`, or the first one for null and for a key that is not there; null at the end. */
export function bpf_map__get_next_key({ map }: BpfMap, key: Uint8Array | null): Uint8Array | null {
  const keys = map?.entries().map((entry) => entry.key) ?? [];
  const at = key ? keys.findIndex((other) => other.length === key.length && other.every((byte, i) => byte === key[i])) : -1;
  return keys[at + 1] ?? null;
}

/** `struct ring_buffer` */
export interface RingBuffer {
  readonly map: BpfMap;
  readonly sample_cb: (data: Uint8Array) => number;
  isFree: boolean;
}

/** A reader of a ring buffer map; `sample_cb` gets each record, and a negative answer stops the reading. Throws {@link InputError} for other maps. */
export function ring_buffer__new(map: BpfMap, sample_cb: (data: Uint8Array) => number): RingBuffer {
  if (map.def.type !== MAP_TYPE_RINGBUF) throw new InputError('it is no ring buffer', `map ${map.def.name}`);
  return { map, sample_cb, isFree: false };
}

/** Hands over every record that is there. How many, or what the callback answered below 0. */
export function ring_buffer__consume({ map, sample_cb, isFree }: RingBuffer): number {
  if (isFree) return -EINVAL;
  const records = map.object.records.get(map.def.name) ?? [];
  let taken = 0;
  while (records.length > 0) {
    const answer = sample_cb(records.shift()!);
    if (answer < 0) return answer;
    taken++;
  }
  return taken;
}

/** As {@link ring_buffer__consume}: nothing happens on the device while its caller waits, so there is nothing to wait for. */
export const ring_buffer__poll = (ring: RingBuffer, _timeout_ms = 0): number => ring_buffer__consume(ring);

export function ring_buffer__free(ring: RingBuffer): void {
  ring.isFree = true;
}
