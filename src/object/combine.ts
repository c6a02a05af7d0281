import { InputError } from '../base/errors.ts';
import { OP_CALL, OP_LDDW, PSEUDO_CALL } from '../bpf/insn.ts';
import { isGplCompatible } from '../bpf/license.ts';
import {
  type Btf,
  type BtfId,
  type BtfSectionVar,
  type BtfType,
  KIND_DATASEC,
  KIND_FUNC,
  KIND_PTR,
  KIND_VAR,
  LINKAGE_EXTERN,
  readBtf,
} from './btf.ts';
import { type BtfExt, type ExtSection, encodeBtfExt, readBtfExt } from './btf-ext.ts';
import { addSection, combineBtf } from './combine-btf.ts';
import {
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  R_BPF_64_64,
  R_BPF_64_ABS64,
  readElf,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_PROGBITS,
  STB_LOCAL,
  STB_WEAK,
  STT_NOTYPE,
  STT_SECTION,
} from './elf.ts';
import { ElfBuilder } from './elf-builder.ts';

/** One of the objects that become one. */
export interface LinkFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Input extends LinkFile {
  readonly elf: ElfFile;
  readonly btf: Btf;
  readonly ext: BtfExt | null;
  /** Where each of its sections begins in the new one of the same name, by index; absent for what is not kept. */
  readonly start: ReadonlyMap<number, number>;
}

interface Merged {
  readonly name: string;
  readonly parts: { readonly section: ElfSection; readonly at: number }[];
  size: number;
  align: number;
}

/** What a name means in all files. */
interface Meaning {
  readonly file: number;
  readonly symbol: ElfSymbol;
}

const STT_FILE = 4;
const R_BPF_64_ABS32 = 3;
/** Sections of which a program has one: the first file's is kept. */
const isSingle = (name: string): boolean => name === 'license' || name === 'version';
const isKept = ({ type, flags }: ElfSection): boolean => (type === SHT_PROGBITS || type === SHT_NOBITS) && (flags & SHF_ALLOC) !== 0;
const isHidden = ({ visibility }: ElfSymbol): boolean => visibility === 1 || visibility === 2;
const isDefined = ({ sectionIdx }: ElfSymbol): boolean => sectionIdx !== SHN_UNDEF && sectionIdx < SHN_LORESERVE;

/**
 * Links objects into one, as `bpftool gen object` does: sections of one name are put one behind another, names that one file declares get the
 * definition of another, types are merged. What nothing defines stays for the loader (functions and variables of the kernel). A weak definition
 * yields to a strong one, and a name that is hidden anywhere is hidden in the result. Debug sections are dropped. Throws {@link InputError} for names
 * that are defined twice, declarations that do not fit their definition, and licences that do not go together. `sectionName` gives sections of code
 * other names.
 */
export function linkObjects(files: readonly LinkFile[], sectionName: (name: string) => string = (name) => name): Uint8Array {
  return new Combination(files, sectionName).build();
}

class Combination {
  private readonly inputs: readonly Input[];
  private readonly sectionName: (name: string) => string;
  private readonly merged = new Map<string, Merged>();
  private readonly meanings = new Map<string, Meaning>();
  private readonly elf = new ElfBuilder();
  private readonly sections = new Map<string, { readonly index: number; readonly symbol: number; readonly bytes: Uint8Array | null }>();
  private readonly handles = new Map<string, number>();

  constructor(files: readonly LinkFile[], sectionName: (name: string) => string) {
    this.sectionName = sectionName;
    this.inputs = files.map((file) => this.read(file));
    this.checkLicences();
    this.inputs.forEach((input, file) => {
      for (const symbol of input.elf.symbols) this.name(file, symbol);
    });
    this.checkDeclarations();
  }

  build(): Uint8Array {
    this.writeSections();
    this.inputs.forEach((input, file) => {
      for (const [at, symbol] of input.elf.symbols.entries()) this.writeSymbol(file, symbol, at);
    });
    this.inputs.forEach((input, file) => {
      for (const [index, list] of input.elf.relocations) this.relocate(file, input.elf.sections[index]!, list);
    });
    this.writeTypes();
    return this.elf.build();
  }

  private read(file: LinkFile): Input {
    const elf = readElf(file.bytes, file.name);
    const named = (name: string) => elf.sections.find((section) => section.name === name);
    const [types, records] = [named('.BTF'), named('.BTF.ext')];
    if (!types) throw new InputError('the object has no BTF, which linking needs', file.name, 'Compile with -g');
    const btf = readBtf(types.bytes, `${file.name}, section .BTF`);
    const ext = records ? readBtfExt(records.bytes, (off) => btf.string(off), `${file.name}, section .BTF.ext`) : null;
    const start = new Map<number, number>();
    for (const section of elf.sections) {
      if (!isKept(section)) continue;
      const newName = this.nameOf(section);
      const into = this.merged.get(newName) ?? { name: newName, parts: [], size: 0, align: 1 };
      if (isSingle(section.name) && into.parts.length > 0) continue;
      this.merged.set(newName, into);
      const isCode = (section.flags & SHF_EXECINSTR) !== 0;
      if (isCode && section.size % 8 !== 0)
        throw new InputError(`code of ${section.size} bytes is no multiple of 8`, `${file.name}, section ${section.name}`);
      const align = Math.max(1, isCode ? 8 : section.align);
      if (!Number.isSafeInteger(align) || align > 4096)
        throw new InputError(`section ${section.name} wants to be aligned to ${align} bytes`, file.name);
      const at = Math.ceil(into.size / align) * align;
      into.parts.push({ section, at });
      into.size = at + section.size;
      into.align = Math.max(into.align, align);
      start.set(section.index, at);
    }
    return { ...file, elf, btf, ext, start };
  }

  /** What a section is called in the result. */
  private nameOf({ name, flags }: ElfSection): string {
    return (flags & SHF_EXECINSTR) === 0 ? name : this.sectionName(name);
  }

  private checkLicences(): void {
    const licenceOf = ({ elf }: Input): string | null => {
      const section = elf.sections.find(({ name }) => name === 'license');
      return section ? new TextDecoder().decode(section.bytes).replace(/\0.*$/s, '') : null;
    };
    const [first, ...others] = this.inputs.flatMap((input) => {
      const text = licenceOf(input);
      return text === null ? [] : [{ text, name: input.name }];
    });
    for (const { text, name } of others) {
      if (text === first!.text || (isGplCompatible(text) && isGplCompatible(first!.text))) continue;
      throw new InputError(
        `its licence is "${text}", that of ${first!.name} "${first!.text}"`,
        name,
        'Objects that are linked need one licence, or two that Linux takes for GPL',
      );
    }
  }

  /** Enters what a file says of a name. */
  private name(file: number, symbol: ElfSymbol): void {
    if (symbol.bind === STB_LOCAL || symbol.name === '' || this.isDropped(file, symbol)) return;
    const { name } = symbol;
    const known = this.meanings.get(name);
    if (!known) {
      this.meanings.set(name, { file, symbol });
      return;
    }
    const [old, now] = [isDefined(known.symbol), isDefined(symbol)];
    const strong = (each: ElfSymbol): boolean => each.bind !== STB_WEAK;
    if (old && now && strong(known.symbol) && strong(symbol))
      throw new InputError(
        `${name} is defined here and in ${this.inputs[known.file]!.name}`,
        this.inputs[file]!.name,
        'Rename one, or make it static',
      );
    const better = old === now ? strong(symbol) && !strong(known.symbol) : now;
    const hidden = isHidden(symbol) || isHidden(known.symbol);
    const chosen = better ? { file, symbol } : known;
    this.meanings.set(name, { ...chosen, symbol: { ...chosen.symbol, visibility: hidden ? 2 : 0 } });
  }

  private isDropped(file: number, { sectionIdx }: ElfSymbol): boolean {
    return sectionIdx !== SHN_UNDEF && sectionIdx < SHN_LORESERVE && !this.inputs[file]!.start.has(sectionIdx);
  }

  /** The type of a function or variable by name, declared or defined. */
  private described(file: number, name: string): BtfId {
    const { btf } = this.inputs[file]!;
    return btf.named(name).find((id) => btf.at(id).kind === KIND_FUNC || btf.at(id).kind === KIND_VAR) ?? 0;
  }

  /** Where a name that `file` only declares is defined and described. */
  private definition(file: number, type: BtfType): readonly [file: number, id: BtfId] | null {
    const meaning = this.meanings.get(type.name);
    if (!meaning || meaning.file === file || !isDefined(meaning.symbol)) return null;
    const id = this.described(meaning.file, type.name);
    return id > 0 && this.inputs[meaning.file]!.btf.at(id).kind === type.kind ? [meaning.file, id] : null;
  }

  /** A caller that passes other arguments than the function takes would be wrong in silence. */
  private checkDeclarations(): void {
    this.inputs.forEach(({ btf, name }, file) => {
      for (const type of btf.types) {
        if (type.kind !== KIND_FUNC || type.extra !== LINKAGE_EXTERN) continue;
        const target = this.definition(file, type);
        if (!target) continue;
        const other = this.inputs[target[0]]!;
        const [declared, made] = [shape(btf, type.type), shape(other.btf, other.btf.at(target[1]).type)];
        if (declared !== made)
          throw new InputError(
            `${type.name} is declared as taking (${declared}), and takes (${made}) in ${other.name}`,
            name,
            'Include the header that came with the object',
          );
      }
    });
  }

  private writeSections(): void {
    for (const { name, parts, size, align } of this.merged.values()) {
      const isZero = parts.every(({ section }) => section.type === SHT_NOBITS);
      const bytes = isZero ? null : new Uint8Array(size);
      for (const { section, at } of parts) bytes?.set(section.bytes, at);
      const flags = parts.reduce((all, { section }) => all | section.flags, 0);
      const index = this.elf.section(name, { ...(bytes ? { bytes } : { type: SHT_NOBITS, memorySize: size }), flags, align });
      const symbol = this.elf.symbol({ name: '', section: index, value: 0, size: 0, type: STT_SECTION, bind: STB_LOCAL });
      this.sections.set(name, { index, symbol, bytes });
    }
  }

  private place(file: number, symbol: ElfSymbol): { section: number; value: number } {
    const { elf, start } = this.inputs[file]!;
    const section = elf.sections[symbol.sectionIdx]!;
    return { section: this.sections.get(this.nameOf(section))!.index, value: symbol.value + start.get(symbol.sectionIdx)! };
  }

  private writeSymbol(file: number, symbol: ElfSymbol, at: number): void {
    if (symbol.type === STT_SECTION || symbol.type === STT_FILE || symbol.name === '' || this.isDropped(file, symbol)) return;
    const { name, size, type } = symbol;
    if (symbol.bind === STB_LOCAL) {
      if (!isDefined(symbol)) return;
      this.handles.set(`${file}/${at}`, this.elf.symbol({ name, size, type, bind: STB_LOCAL, ...this.place(file, symbol) }));
      return;
    }
    if (this.handles.has(name)) return;
    const meaning = this.meanings.get(name)!;
    const made = meaning.symbol;
    const where = isDefined(made) ? this.place(meaning.file, made) : { section: SHN_UNDEF, value: 0 };
    this.handles.set(
      name,
      this.elf.symbol({
        name,
        size: made.size,
        type: isDefined(made) ? made.type : STT_NOTYPE,
        bind: made.bind,
        hidden: isHidden(made),
        ...where,
      }),
    );
  }

  private relocate(file: number, section: ElfSection, list: readonly { offset: number; type: number; symbolIdx: number }[]): void {
    const { elf, start, name } = this.inputs[file]!;
    const into = this.sections.get(this.nameOf(section));
    const shift = start.get(section.index);
    if (!into?.bytes || shift === undefined) return;
    const view = new DataView(into.bytes.buffer);
    const isCode = (section.flags & SHF_EXECINSTR) !== 0;
    for (const { offset, type, symbolIdx } of list) {
      const symbol = elf.symbols[symbolIdx];
      const at = offset + shift;
      const fail: (what: string) => never = (what) => {
        throw new InputError(what, `${name}, section ${section.name}, byte 0x${offset.toString(16)}`);
      };
      const bytes = type === R_BPF_64_64 ? 16 : 8;
      if (!symbol || !Number.isSafeInteger(offset) || offset + (type === R_BPF_64_ABS32 ? 4 : bytes) > section.size)
        fail('a relocation lies outside its section');
      if (this.isDropped(file, symbol)) fail(`refers to ${symbol.name || 'a section'}, which is no part of a program`);
      if (symbol.type === STT_SECTION && isDefined(symbol)) {
        const target = elf.sections[symbol.sectionIdx]!;
        // What is added to the section's begin stands in the instruction or in the data.
        const more = start.get(symbol.sectionIdx)! + symbol.value;
        const opcode = section.bytes[offset]!;
        if (isCode && opcode === OP_CALL && section.bytes[offset + 1]! >> 4 === PSEUDO_CALL)
          view.setInt32(at + 4, view.getInt32(at + 4, true) + more / 8, true);
        else if (isCode && opcode === OP_LDDW) view.setInt32(at + 4, view.getInt32(at + 4, true) + more, true);
        else if (!isCode && type === R_BPF_64_ABS64) view.setBigInt64(at, view.getBigInt64(at, true) + BigInt(more), true);
        else if (!isCode && type === R_BPF_64_ABS32) view.setInt32(at, view.getInt32(at, true) + more, true);
        else fail(`relocation type ${type} is unknown here`);
        this.elf.relocation(into.index, at, type, this.sections.get(this.nameOf(target))!.symbol);
        continue;
      }
      const handle = this.handles.get(symbol.bind === STB_LOCAL ? `${file}/${symbolIdx}` : symbol.name);
      if (handle === undefined) fail('a relocation names no symbol');
      this.elf.relocation(into.index, at, type, handle);
    }
  }

  private writeTypes(): void {
    const types = combineBtf(
      this.inputs.map(({ btf }) => btf),
      (file, type) => this.definition(file, type),
    );
    const { builder } = types;
    this.describeData(types);
    const text = (file: number, off: number): number => builder.string(this.inputs[file]!.btf.string(off));
    const table = <T extends { readonly byteOff: number }>(
      of: (ext: BtfExt) => ReadonlyMap<string, readonly T[]>,
      moved: (record: T, file: number) => T,
    ): ExtSection<T>[] => {
      const bySection = new Map<string, T[]>();
      this.inputs.forEach(({ ext, elf, start }, file) => {
        for (const [name, records] of ext ? of(ext) : []) {
          const section = elf.sections.find((each) => each.name === name);
          const shift = section && start.get(section.index);
          if (!section || shift === undefined) continue;
          const newName = this.nameOf(section);
          const list = bySection.get(newName) ?? [];
          bySection.set(newName, list);
          for (const record of records) list.push({ ...moved(record, file), byteOff: record.byteOff + shift });
        }
      });
      return [...bySection].map(([name, records]) => ({ section: builder.string(name), records }));
    };
    const ext = encodeBtfExt(
      table(
        ({ funcs }) => funcs,
        (record, file) => ({ ...record, typeId: types.id(file, record.typeId) }),
      ),
      table(
        ({ lines }) => lines,
        (record, file) => ({ ...record, fileNameOff: text(file, record.fileNameOff), textOff: text(file, record.textOff) }),
      ),
      table(
        ({ core }) => core,
        (record, file) => ({ ...record, typeId: types.id(file, record.typeId), accessOff: text(file, record.accessOff) }),
      ),
    );
    this.elf.section('.BTF', { bytes: builder.encode(), align: 4 });
    this.elf.section('.BTF.ext', { bytes: ext, align: 4 });
  }

  /** Which variables lie in which section, where they lie now. */
  private describeData(types: ReturnType<typeof combineBtf>): void {
    const sections = new Map<string, Map<string, BtfSectionVar>>();
    this.inputs.forEach(({ btf, elf, start }, file) => {
      const symbols = new Map(elf.symbols.map((symbol) => [`${symbol.sectionIdx}/${symbol.name}`, symbol]));
      for (const section of btf.types) {
        if (section.kind !== KIND_DATASEC) continue;
        const vars = sections.get(section.name) ?? new Map<string, BtfSectionVar>();
        sections.set(section.name, vars);
        const part = elf.sections.find(({ name }) => name === section.name);
        const shift = part && start.get(part.index);
        for (const entry of section.vars) {
          const type = btf.at(entry.type);
          const id = types.id(file, entry.type);
          if (type.extra === LINKAGE_EXTERN) {
            if (!this.definition(file, type)) vars.set(`extern ${type.name}`, { type: id, offset: 0, size: entry.size });
            continue;
          }
          if (shift === undefined) continue;
          const symbol = symbols.get(`${part!.index}/${type.name}`);
          const meaning = this.meanings.get(type.name);
          // Of a weak variable that another file's stands for, the room stays and the name goes.
          if (symbol && symbol.bind !== STB_LOCAL && meaning && meaning.file !== file) continue;
          vars.set(`${file}/${entry.type}`, {
            type: id,
            offset: shift + (symbol?.value ?? entry.offset),
            size: entry.size || btf.sizeOf(type.type),
          });
        }
      }
    });
    for (const [name, vars] of sections)
      if (vars.size > 0) addSection(types.builder, name, this.merged.get(name)?.size ?? 0, [...vars.values()]);
  }
}

/** What a prototype passes, as far as a call depends on it. */
function shape(btf: Btf, proto: BtfId): string {
  return btf
    .at(proto)
    .members.map(({ type }) => (btf.at(btf.skip(type)).kind === KIND_PTR ? 'pointer' : 'number'))
    .join(', ');
}

/** Names that an object uses and does not define. */
export function undefinedNames(file: LinkFile): ReadonlySet<string> {
  const { symbols } = readElf(file.bytes, file.name);
  return new Set(
    symbols.filter((symbol) => symbol.sectionIdx === SHN_UNDEF && symbol.name !== '' && symbol.bind !== STB_LOCAL).map(({ name }) => name),
  );
}
