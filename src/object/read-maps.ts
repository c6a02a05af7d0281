import { InputError } from '../base/errors.ts';
import { isMapInMap, MAP_FLAG_MMAPABLE, MAP_FLAG_RDONLY_PROG, MAP_TYPE_ARENA, MAP_TYPE_ARRAY } from '../bpf/maps.ts';
import type { MapDef, ValueField } from '../bpf/program.ts';
import { type Btf, type BtfId, KIND_ARRAY, KIND_DATASEC, KIND_ENUM, KIND_ENUM64, KIND_PTR, KIND_STRUCT, KIND_VAR } from './btf.ts';
import { type ElfFile, type ElfSection, SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS, STT_SECTION } from './elf.ts';
import { isComplete, structOffset, valueFields } from './value-fields.ts';

/** Where maps come from, for the relocations that name them. */
export interface ObjectMaps {
  readonly maps: readonly MapDef[];
  /** Index of the map whose definition stands at an offset of a section (`.maps`, `maps`). */
  definitionAt(sectionIdx: number, offset: number): number | undefined;
  /** Index of the global-data map that a section became. */
  dataOf(sectionIdx: number): number | undefined;
}

interface Found {
  readonly def: MapDef;
  readonly sectionIdx: number;
  /** Offset of the definition; -1 for global data. */
  readonly offset: number;
  /** Order in the symbol table. */
  readonly order: number;
}

/** Variables that lie in the object's arena (libbpf ARENA_SEC). */
const ARENA_DATA = '.addr_space.1';
/** Zeroed sections beyond this sum get no contents of their own: the kernel zeroes the maps. */
const MAX_BSS_BYTES = 16 * 1024 * 1024;
/** Variables of a data section that are looked into. */
const MAX_VARIABLES = 10000;
/** Attributes of a map definition; libbpf knows eleven. */
const MAX_ATTRIBUTES = 32;
/** An ARRAY map's value has at most 2 GiB − 1. */
const MAX_VALUE_BYTES = 2 ** 31 - 1;

/** `maps` as older loaders and tc know it, and `lirc_mode2/maps` as ir-keytable does. */
export const isLegacyMaps = ({ name, type }: ElfSection): boolean => /^(.*\/)?maps$/.test(name) && type === SHT_PROGBITS;

const isDataName = (name: string): boolean => /^\.(data|rodata|bss)(\.|$)/.test(name);

/** The map name that libbpf gives a data section (internal_map_name): `.data.x` as it is, plain ones after the file. */
export function dataMapName(section: string, fileName: string): string {
  if (section.indexOf('.', 1) > 0) return section;
  const base = fileName.replace(/^.*[/\\]/, '').replace(/\..*$/s, '');
  const suffix = Math.min(Math.max(7, section.length), 15);
  return (base.slice(0, 15 - suffix) + section.slice(0, suffix)).replace(/[^A-Za-z0-9_.]/g, '_');
}

/** Number that `__uint(name, N)` stores: the length of the array that the member points to. */
function encodedNumber(btf: Btf, type: BtfId): number | undefined {
  const pointer = btf.at(btf.skip(type));
  const array = btf.at(btf.skip(pointer.type));
  // `__ulong(name, N)` is an enumerator of its own.
  if (pointer.kind === KIND_ENUM || pointer.kind === KIND_ENUM64) {
    const first = pointer.members[0];
    return first && first.offset + first.type * 2 ** 32;
  }
  return pointer.kind === KIND_PTR && array.kind === KIND_ARRAY ? array.elements : undefined;
}

/** A `.maps` definition; `depth` keeps maps of maps of maps out, which libbpf refuses too. */
function definition(btf: Btf, name: string, structId: BtfId, where: string, warnings: string[], depth = 0): MapDef {
  const struct = btf.at(btf.skip(structId));
  if (struct.kind !== KIND_STRUCT) throw new InputError(`map ${name} is not defined by a structure`, where);
  if (struct.members.length > MAX_ATTRIBUTES) throw new InputError(`map ${name} has ${struct.members.length} attributes`, where);
  const numbers: Record<string, number> = {};
  let inner: MapDef | undefined;
  let spinLockOff: number | undefined;
  let fields: readonly ValueField[] = [];
  for (const member of struct.members) {
    if (member.name === 'key' || member.name === 'value') {
      const pointer = btf.at(btf.skip(member.type));
      numbers[`${member.name}_size`] = pointer.kind === KIND_PTR ? btf.sizeOf(pointer.type) : 0;
      if (member.name === 'value') {
        spinLockOff = structOffset(btf, pointer.type, 'bpf_spin_lock');
        fields = valueFields(btf, pointer.type);
        if (!isComplete(fields)) {
          fields = [];
          spinLockOff = undefined;
        }
      }
    } else if (member.name === 'values') {
      const array = btf.at(btf.skip(member.type));
      const pointer = btf.at(btf.skip(array.type));
      const target = btf.at(btf.skip(pointer.type));
      // A program array's `values` point to functions.
      if (target.kind === KIND_STRUCT && depth === 0)
        inner = definition(btf, target.name || `${name}.inner`, pointer.type, where, warnings, 1);
    } else {
      const value = encodedNumber(btf, member.type);
      if (value === undefined)
        throw new InputError(`map ${name}: member ${member.name} is no number`, where, 'write it with __uint, __type or __array');
      if (!['type', 'key_size', 'value_size', 'max_entries', 'map_flags', 'pinning', 'numa_node', 'map_extra'].includes(member.name)) {
        warnings.push(`map ${name}: member ${member.name} is unknown`);
      }
      numbers[member.name] = value;
    }
  }
  const type = numbers.type ?? 0;
  return {
    name,
    type,
    keySize: numbers.key_size ?? (isMapInMap(type) ? 4 : 0),
    // Maps of maps hold file descriptors.
    valueSize: numbers.value_size ?? (isMapInMap(type) ? 4 : 0),
    maxEntries: numbers.max_entries ?? 0,
    flags: numbers.map_flags ?? 0,
    ...(inner ? { inner } : {}),
    ...(spinLockOff === undefined ? {} : { spinLockOff }),
    ...(fields.length > 0 ? { fields } : {}),
    ...(numbers.pinning === 1 ? { pinByName: true } : {}),
  };
}

function btfMaps(elf: ElfFile, btf: Btf, section: ElfSection, where: string, warnings: string[]): Found[] {
  const found: Found[] = [];
  const datasec = btf.at(btf.find(KIND_DATASEC, '.maps'));
  const symbolOrder = new Map(elf.symbols.map((symbol, order) => [symbol.sectionIdx === section.index ? symbol.name : '', order]));
  for (const { type } of datasec.vars) {
    const variable = btf.at(type);
    if (variable.kind !== KIND_VAR) continue;
    // Compilers leave the offset in DATASEC 0; the symbol has it.
    const order = symbolOrder.get(variable.name);
    if (order === undefined || variable.name === '') throw new InputError(`map ${variable.name} has no symbol`, where);
    const def = definition(btf, variable.name, variable.type, where, warnings);
    found.push({ def, sectionIdx: section.index, offset: elf.symbols[order]!.value, order });
  }
  return found;
}

/** `struct bpf_map_def` of the time before BTF: five or more 32-bit words; iproute2's has others after them. */
function legacyMaps(elf: ElfFile, section: ElfSection, where: string): Found[] {
  const symbols = elf.symbols
    .map((symbol, order) => ({ symbol, order }))
    .filter(({ symbol }) => symbol.sectionIdx === section.index && symbol.type !== STT_SECTION && symbol.name !== '')
    .sort((a, b) => a.symbol.value - b.symbol.value);
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.byteLength);
  return symbols.map(({ symbol, order }) => {
    const at = symbol.value;
    if (at + 16 > section.bytes.length)
      throw new InputError(
        `definition of map ${symbol.name} is cut off`,
        `${where}, byte 0x${(section.fileOff + Math.min(at, section.size)).toString(16)}`,
      );
    const word = (n: number): number => (at + n * 4 + 4 <= section.bytes.length ? view.getUint32(at + n * 4, true) : 0);
    const def: MapDef = { name: symbol.name, type: word(0), keySize: word(1), valueSize: word(2), maxEntries: word(3), flags: word(4) };
    return { def, sectionIdx: section.index, offset: at, order };
  });
}

/** Kernel objects among the variables of a data section, which are one value to the kernel; BTF leaves their offsets to the symbols. */
function dataFields(elf: ElfFile, btf: Btf, section: ElfSection): Pick<MapDef, 'fields' | 'spinLockOff'> {
  const datasec = btf.at(btf.find(KIND_DATASEC, section.name));
  if (datasec.kind !== KIND_DATASEC || datasec.vars.length > MAX_VARIABLES) return {};
  const offsets = new Map(elf.symbols.map((symbol) => [symbol.sectionIdx === section.index ? symbol.name : '', symbol.value]));
  let spinLockOff: number | undefined;
  const fields: ValueField[] = [];
  for (const { type } of datasec.vars) {
    const variable = btf.at(type);
    const offset = offsets.get(variable.name);
    if (variable.kind !== KIND_VAR || offset === undefined) continue;
    const lock = structOffset(btf, variable.type, 'bpf_spin_lock');
    if (lock !== undefined) spinLockOff = offset + lock;
    for (const field of valueFields(btf, variable.type, type)) fields.push({ ...field, byteOff: field.byteOff + offset });
  }
  if (!isComplete(fields)) return {};
  fields.sort((a, b) => a.byteOff - b.byteOff);
  return { ...(spinLockOff === undefined ? {} : { spinLockOff }), ...(fields.length > 0 ? { fields } : {}) };
}

function dataMap(elf: ElfFile, btf: Btf | null, section: ElfSection, fileName: string, hasRoom: boolean, order: number): Found {
  if (section.size > MAX_VALUE_BYTES) {
    throw new InputError(`section ${section.name} of ${section.size} bytes is larger than a map's value can be`, fileName);
  }
  const isConstant = section.name.startsWith('.rodata');
  const isZero = section.type === SHT_NOBITS;
  const def: MapDef = {
    name: dataMapName(section.name, fileName),
    type: MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: MAP_FLAG_MMAPABLE | (isConstant ? MAP_FLAG_RDONLY_PROG : 0),
    section: section.name,
    ...(!isZero || hasRoom ? { data: isZero ? new Uint8Array(section.size) : section.bytes.slice() } : {}),
    ...(isConstant ? { frozen: true } : {}),
    ...(btf ? dataFields(elf, btf, section) : {}),
  };
  return { def, sectionIdx: section.index, offset: -1, order };
}

/** All maps of an object, in the order of their symbols; without `isTyped` the kernel is told no types of their values. */
export function readMaps(elf: ElfFile, btf: Btf | null, fileName: string, warnings: string[], isTyped = true): ObjectMaps {
  const found: Found[] = [];
  let dataBytes = 0;
  let zeroBytes = 0;
  const firstSymbol = new Map<number, number>();
  elf.symbols.forEach((symbol, order) => {
    if (symbol.type !== STT_SECTION && !firstSymbol.has(symbol.sectionIdx)) firstSymbol.set(symbol.sectionIdx, order);
  });
  const isFirst = (section: ElfSection): boolean => elf.sections.find((other) => other.name === section.name) === section;
  for (const section of elf.sections) {
    if (section.name === '.maps' && section.type === SHT_PROGBITS && isFirst(section)) {
      if (!btf) throw new InputError('the object defines maps in .maps, but has no BTF', fileName, 'compile with -g');
      found.push(...btfMaps(elf, btf, section, fileName, warnings));
      if (elf.relocations.has(section.index))
        warnings.push(
          'libbpf puts in the initial entries of maps (values = { … }) when it loads the object; the engine here starts without them',
        );
    } else if (isLegacyMaps(section) && isFirst(section)) found.push(...legacyMaps(elf, section, fileName));
    else if (isDataName(section.name) && section.flags & SHF_ALLOC && !(section.flags & SHF_EXECINSTR) && section.size > 0) {
      // Sections of a hostile file may all show the same bytes of it.
      dataBytes += section.bytes.length;
      if (dataBytes > elf.fileSize) throw new InputError('data sections overlap', fileName);
      if (section.type === SHT_NOBITS) zeroBytes += section.size;
      found.push(
        dataMap(
          elf,
          btf,
          section,
          fileName,
          zeroBytes <= MAX_BSS_BYTES,
          firstSymbol.get(section.index) ?? elf.symbols.length + section.index,
        ),
      );
      if (elf.relocations.has(section.index)) warnings.push(`section ${section.name} holds addresses that only a loader can fill in`);
    }
  }
  found.sort((a, b) => a.order - b.order);
  const arena = found.findIndex(({ def }) => def.type === MAP_TYPE_ARENA);
  const arenaData = elf.sections.find(({ name }) => name === ARENA_DATA)?.index;
  const definitions = new Map(found.map((map, index) => [`${map.sectionIdx}/${map.offset}`, index]));
  return {
    maps: found.map(({ def: { fields, spinLockOff, ...def } }) => ({
      ...def,
      ...(isTyped && fields ? { fields } : {}),
      ...(isTyped && spinLockOff !== undefined ? { spinLockOff } : {}),
    })),
    definitionAt: (sectionIdx, offset) => definitions.get(`${sectionIdx}/${offset}`),
    dataOf: (sectionIdx) => (sectionIdx === arenaData && arena >= 0 ? arena : definitions.get(`${sectionIdx}/-1`)),
  };
}
