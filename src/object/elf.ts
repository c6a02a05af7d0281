import { InputError } from '../base/errors.ts';

// ELF64, System V gABI chapters 4; relocation types from the BPF psABI (LLVM's ELFRelocs/BPF.def).
export const EM_BPF = 247;
export const ET_REL = 1;
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
export const SHF_COMPRESSED = 0x800;
export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;
export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STV_HIDDEN = 2;
export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00;
export const R_BPF_64_64 = 1;
export const R_BPF_64_ABS64 = 2;
export const R_BPF_64_32 = 10;

export const HEADER_SIZE = 64;
export const SECTION_HEADER_SIZE = 64;
export const SYMBOL_SIZE = 24;
export const REL_SIZE = 16;
const SHT_RELA = 4;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Offset in the file. */
  readonly fileOff: number;
  /** Size in memory; a NOBITS section has no contents. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  readonly visibility: number;
  readonly sectionIdx: number;
}

export interface ElfRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbolIdx: number;
}

export interface ElfFile {
  readonly fileSize: number;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Relocations by the index of the section that they change, ascending by offset. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** Reads little-endian numbers and says where the file ends too early. */
class FileView {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, fileName: string) {
    this.bytes = bytes;
    this.fileName = fileName;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(what: string, off: number): never {
    throw new InputError(what, `${this.fileName}, byte 0x${off.toString(16)}`);
  }

  need(off: number, size: number, what: string): void {
    if (!Number.isSafeInteger(off) || !Number.isSafeInteger(size) || off < 0 || size < 0 || off + size > this.bytes.length) {
      const end = `the file ends at byte 0x${this.bytes.length.toString(16)}`;
      const isPlace = Number.isSafeInteger(off) && Number.isSafeInteger(size);
      this.fail(
        isPlace ? `${what} needs ${size} bytes, but ${end}` : `${what} lies beyond any file, and ${end}`,
        Math.min(off, this.bytes.length),
      );
    }
  }

  u8(off: number): number {
    return this.view.getUint8(off);
  }
  u16(off: number): number {
    return this.view.getUint16(off, true);
  }
  u32(off: number): number {
    return this.view.getUint32(off, true);
  }
  /** 64 bits; beyond 2^53 it is no place in any file, and Infinity fails every later check. */
  u64(off: number): number {
    const value = this.view.getBigUint64(off, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  }
}

/** Debuggers' sections may be compressed; loaders know no compressed form of those that they read. */
const isForDebuggers = (name: string): boolean => /^\.(z?debug_|comment|llvm)/.test(name) && name !== '.debug_bpformer';

const utf8 = new TextDecoder('utf-8');

/**
 * Names end here at the latest. The kernel's own limit is 512; without one, overlapping names could make a small file
 * expand to any size.
 */
const MAX_NAME = 1024;

/** The zero-terminated string at `off`; '' where there is none. */
export function stringAt(table: Uint8Array, off: number): string {
  if (off >= table.length) return '';
  const limited = table.subarray(off, off + MAX_NAME);
  const end = limited.indexOf(0);
  return utf8.decode(end < 0 ? limited : limited.subarray(0, end));
}

function readSections(file: FileView): ElfSection[] {
  const tableOff = file.u64(40);
  let count = file.u16(60);
  const namesIdx = file.u16(62);
  if (file.u16(58) !== SECTION_HEADER_SIZE && (count > 0 || tableOff > 0)) file.fail('section headers have an unknown size', 58);
  if (tableOff === 0) return [];
  file.need(tableOff, SECTION_HEADER_SIZE, 'the section table');
  // gABI: with 0xff00 sections or more, the count stands in the size of section 0.
  if (count === 0) count = file.u64(tableOff + 32);
  file.need(tableOff, count * SECTION_HEADER_SIZE, Number.isFinite(count) ? `the table of ${count} sections` : 'the section table');
  const raw = Array.from({ length: count }, (_, index) => {
    const at = tableOff + index * SECTION_HEADER_SIZE;
    const type = file.u32(at + 4);
    const fileOff = file.u64(at + 24);
    const size = file.u64(at + 32);
    const hasBytes = type !== SHT_NOBITS && type !== 0;
    if (hasBytes) file.need(fileOff, size, `section ${index}`);
    else if (!Number.isFinite(size) && type !== 0) file.fail(`section ${index} has an impossible size`, at + 32);
    const bytes = hasBytes ? file.bytes.subarray(fileOff, fileOff + size) : new Uint8Array();
    return {
      index,
      nameOff: file.u32(at),
      type,
      flags: file.u32(at + 8),
      fileOff,
      size,
      link: file.u32(at + 40),
      info: file.u32(at + 44),
      align: file.u64(at + 48),
      bytes,
    };
  });
  const names = raw[namesIdx]?.bytes ?? new Uint8Array();
  const sections = raw.map(({ nameOff, ...section }) => ({ ...section, name: stringAt(names, nameOff) }));
  const packed = sections.find(({ flags, name }) => flags & SHF_COMPRESSED && !isForDebuggers(name));
  if (packed) file.fail(`section ${packed.name || packed.index} is compressed, which BPF loaders do not read`, packed.fileOff);
  return sections;
}

function readSymbols(file: FileView, sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (!table) return [];
  if (table.size % SYMBOL_SIZE !== 0) file.fail(`the symbol table of ${table.size} bytes is no multiple of ${SYMBOL_SIZE}`, table.fileOff);
  const names = sections[table.link]?.bytes ?? new Uint8Array();
  return Array.from({ length: table.size / SYMBOL_SIZE }, (_, idx) => {
    const at = table.fileOff + idx * SYMBOL_SIZE;
    const sectionIdx = file.u16(at + 6);
    const type = file.u8(at + 4) & 15;
    if (sectionIdx < SHN_LORESERVE && sectionIdx >= sections.length)
      file.fail(`symbol ${idx} lies in section ${sectionIdx}, which does not exist`, at + 6);
    const value = file.u64(at + 8);
    const size = file.u64(at + 16);
    if (sectionIdx !== SHN_UNDEF && sectionIdx < SHN_LORESERVE && !Number.isSafeInteger(value + size))
      file.fail(`symbol ${idx} lies beyond any section`, at + 8);
    const ownName = stringAt(names, file.u32(at));
    return {
      name: ownName === '' && type === STT_SECTION ? (sections[sectionIdx]?.name ?? '') : ownName,
      type,
      bind: file.u8(at + 4) >> 4,
      visibility: file.u8(at + 5) & 3,
      sectionIdx,
      value,
      size,
    };
  });
}

function readRelocations(file: FileView, sections: readonly ElfSection[], symbolCount: number): Map<number, ElfRelocation[]> {
  const bySection = new Map<number, ElfRelocation[]>();
  let total = 0;
  for (const section of sections) {
    const target = sections[section.info];
    if (section.type === SHT_RELA && target && target.flags & SHF_EXECINSTR) {
      file.fail(`section ${section.name} has relocations with addends (RELA), which BPF objects do not use`, section.fileOff);
    }
    if (section.type !== SHT_REL) continue;
    if (!target) file.fail(`section ${section.name} relocates section ${section.info}, which does not exist`, section.fileOff);
    if (section.size % REL_SIZE !== 0) file.fail(`relocation section ${section.name} is no multiple of ${REL_SIZE} bytes`, section.fileOff);
    // Debuggers' sections have relocations too; nothing here reads them.
    if (!(target.flags & (SHF_ALLOC | SHF_EXECINSTR))) continue;
    total += section.size;
    if (total > file.bytes.length) file.fail('relocation sections overlap', section.fileOff);
    const list = bySection.get(section.info) ?? [];
    for (let at = section.fileOff; at < section.fileOff + section.size; at += REL_SIZE) {
      const symbolIdx = file.u32(at + 12);
      if (symbolIdx >= symbolCount) file.fail(`relocation names symbol ${symbolIdx} of ${symbolCount}`, at + 12);
      const offset = file.u64(at);
      if (offset >= target.size) file.fail(`relocation changes a place outside of section ${target.name || target.index}`, at);
      list.push({ offset, type: file.u32(at + 8), symbolIdx });
    }
    bySection.set(section.info, list);
  }
  for (const list of bySection.values()) list.sort((a, b) => a.offset - b.offset);
  return bySection;
}

/** The ELF header that both kinds of files share. */
function header(bytes: Uint8Array, fileName: string, what: string): FileView {
  const file = new FileView(bytes, fileName);
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46)
    file.fail('this is no ELF file', 0);
  file.need(0, HEADER_SIZE, 'the ELF header');
  if (bytes[4] !== 2) file.fail(`a 32-bit ELF file; ${what} have 64 bits`, 4);
  return file;
}

/** Contents of the first section of that name in a little-endian ELF file of any machine and kind; null without one. */
export function readSection(bytes: Uint8Array, fileName: string, name: string): Uint8Array | null {
  const file = header(bytes, fileName, 'kernels with BTF');
  if (bytes[5] !== 1) file.fail('a file of a big-endian machine', 5);
  return readSections(file).find((section) => section.name === name)?.bytes ?? null;
}

/** Parses a relocatable BPF object. Throws {@link InputError} for everything else, with the offset of what is wrong. */
export function readElf(bytes: Uint8Array, fileName: string): ElfFile {
  const file = header(bytes, fileName, 'BPF objects');
  if (bytes[5] !== 1) file.fail('a big-endian object; compile with -target bpfel', 5);
  const machine = file.u16(18);
  if (machine !== EM_BPF && machine !== 0) file.fail(`an object for machine ${machine}; BPF is ${EM_BPF}: compile with -target bpf`, 18);
  if (file.u16(16) !== ET_REL) file.fail('not a relocatable object: compile with -c', 16);
  const sections = readSections(file);
  const symbols = readSymbols(file, sections);
  return { fileSize: bytes.length, sections, symbols, relocations: readRelocations(file, sections, symbols.length) };
}
