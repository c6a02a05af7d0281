import { InputError } from '../base/errors.ts';
import type { MapDef } from '../bpf/program.ts';
import { type BtfId, type BtfMember, type BtfSectionVar, KIND_DATASEC, KIND_STRUCT, KIND_VAR, LINKAGE_GLOBAL } from './btf.ts';
import { SHF_ALLOC, SHF_WRITE, SHT_NOBITS, STB_GLOBAL, STT_OBJECT } from './elf.ts';
import type { ElfBuilder, NewSymbol } from './elf-builder.ts';
import { type CommonTypes, identifier } from './program-btf.ts';

/** `LIBBPF_PIN_BY_NAME` of bpf_helpers.h. */
const PIN_BY_NAME = 1;
const LOCK_BYTES = 4;

/** The section that holds the contents of a global-data map, or undefined for a plain map. */
const dataSection = (map: MapDef): string | undefined => map.section ?? (map.data && map.name.startsWith('.') ? map.name : undefined);

/**
 * The structure that libbpf reads a map's attributes from (`__uint(type, …)` in C): every member is a pointer to an array whose
 * length is the number.
 */
function mapStruct(types: CommonTypes, map: MapDef, name = ''): { type: BtfId; size: number } {
  const members: BtfMember[] = [];
  const add = (name: string, type: BtfId): void => {
    members.push({ name, type, offset: members.length * 64 });
  };
  const number = (name: string, value: number): void => {
    if (value !== 0) add(name, types.pointer(types.array(types.int, value)));
  };
  number('type', map.type);
  if (map.spinLockOff === undefined) {
    number('key_size', map.keySize);
    number('value_size', map.valueSize);
  } else {
    // The kernel finds a lock by the value's type only, and wants the key's type with it.
    add('key', types.pointer(map.keySize === 4 ? types.int : types.memory(map.keySize)));
    add('value', types.pointer(valueWithLock(types, map.valueSize, map.spinLockOff)));
  }
  number('max_entries', map.maxEntries);
  number('map_flags', map.flags);
  if (map.pinByName) number('pinning', PIN_BY_NAME);
  const size = members.length * 8;
  // Must be last: an array of unknown length of pointers to the inner map's structure, which bears its name. It takes no room.
  if (map.inner) add('values', types.array(types.pointer(mapStruct(types, map.inner, map.inner.name).type), 0));
  return { type: types.builder.add({ kind: KIND_STRUCT, name: identifierOrNone(name), size, members }), size };
}

/** A value that is opaque but for `struct bpf_spin_lock` at an offset. */
function valueWithLock(types: CommonTypes, size: number, lockOff: number): BtfId {
  const { builder } = types;
  const lock = builder.add({
    kind: KIND_STRUCT,
    name: 'bpf_spin_lock',
    size: LOCK_BYTES,
    members: [{ name: 'val', type: types.int, offset: 0 }],
  });
  const members: BtfMember[] = [];
  const fill = (name: string, from: number, to: number): void => {
    if (to > from) members.push({ name, type: types.array(types.byte, to - from), offset: from * 8 });
  };
  fill('before', 0, lockOff);
  members.push({ name: 'lock', type: lock, offset: lockOff * 8 });
  fill('after', lockOff + LOCK_BYTES, size);
  return builder.add({ kind: KIND_STRUCT, name: `value${size}_lock${lockOff}`, size, members });
}

const identifierOrNone = (name: string): string => (name === '' ? '' : identifier(name));

/** Writes `.maps`; returns where each map stands in it. */
function writeDefinitions(elf: ElfBuilder, types: CommonTypes, maps: readonly MapDef[]): (map: MapDef) => NewSymbol {
  const places = new Map<MapDef, BtfSectionVar>();
  let size = 0;
  for (const map of maps) {
    const struct = mapStruct(types, map);
    const type = types.builder.add({ kind: KIND_VAR, name: map.name, type: struct.type, extra: LINKAGE_GLOBAL });
    places.set(map, { type, offset: size, size: struct.size });
    size += struct.size;
  }
  types.builder.add({ kind: KIND_DATASEC, name: '.maps', size, vars: [...places.values()] });
  const section = elf.section('.maps', { bytes: new Uint8Array(size), flags: SHF_ALLOC | SHF_WRITE, align: 8 });
  return (map) => {
    const { offset: value, size: symbolSize } = places.get(map)!;
    return { name: map.name, section, value, size: symbolSize, type: STT_OBJECT, bind: STB_GLOBAL };
  };
}

/** Writes the section with the contents of a global-data map. */
function writeData(elf: ElfBuilder, types: CommonTypes, map: MapDef, name: string): NewSymbol {
  // libbpf (1.1, bpftool 7.1) skips every other section, `.bss.NAME` too, and then refuses the relocations against it.
  if (!/^\.(bss|(data|rodata)(\..+)?)$/.test(name)) {
    throw new InputError(
      `map ${map.name} stands for section ${name}, which libbpf does not load`,
      '',
      'use .data.NAME, .rodata.NAME or .bss',
    );
  }
  const isBss = name === '.bss';
  const isConstant = name === '.rodata' || name.startsWith('.rodata.');
  const section = elf.section(name, {
    ...(isBss ? { type: SHT_NOBITS } : { bytes: map.data ?? new Uint8Array(map.valueSize) }),
    flags: isConstant ? SHF_ALLOC : SHF_ALLOC | SHF_WRITE,
    memorySize: map.valueSize,
    align: 8,
  });
  const symbolName = identifier(name.replace(/^\.(data|bss|rodata)\./, '').replace(/^\./, ''));
  const type = types.array(types.byte, map.valueSize);
  const variable = types.builder.add({ kind: KIND_VAR, name: symbolName, type, extra: LINKAGE_GLOBAL });
  // The kernel shows the map's value with this type (bpftool map dump).
  types.builder.add({ kind: KIND_DATASEC, name, size: map.valueSize, vars: [{ type: variable, offset: 0, size: map.valueSize }] });
  return { name: symbolName, section, value: 0, size: map.valueSize, type: STT_OBJECT, bind: STB_GLOBAL };
}

/**
 * Writes `.maps` and a section for every global-data map; returns the symbol handle of each map by name. Symbols stand in the order
 * of `maps`, which is how the reader finds that order again.
 */
export function writeMaps(elf: ElfBuilder, types: CommonTypes, maps: readonly MapDef[]): Map<string, number> {
  const plain = maps.filter((map) => dataSection(map) === undefined);
  const definition = plain.length > 0 ? writeDefinitions(elf, types, plain) : undefined;
  return new Map(
    maps.map((map) => {
      const section = dataSection(map);
      return [map.name, elf.symbol(section === undefined ? definition!(map) : writeData(elf, types, map, section))];
    }),
  );
}
