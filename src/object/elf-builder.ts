import {
  EM_BPF,
  ET_REL,
  HEADER_SIZE,
  REL_SIZE,
  SECTION_HEADER_SIZE,
  SHT_PROGBITS,
  SHT_REL,
  SHT_STRTAB,
  SHT_SYMTAB,
  STB_LOCAL,
  SYMBOL_SIZE,
} from './elf.ts';

/** Strings one after another, each stored once. */
export class StringTable {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly chunks: Uint8Array[] = [Uint8Array.of(0)];
  private size = 1;

  add(text: string): number {
    const known = this.offsets.get(text);
    if (known !== undefined) return known;
    // A zero inside would end the string early.
    const encoded = new TextEncoder().encode(`${text.replaceAll('\0', ' ')}\0`);
    const off = this.size;
    this.chunks.push(encoded);
    this.size += encoded.length;
    this.offsets.set(text, off);
    return off;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

const STV_HIDDEN = 2;

export interface NewSymbol {
  readonly name: string;
  readonly section: number;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  /** STV_HIDDEN: libbpf makes a global function of it static. */
  readonly hidden?: boolean;
}

interface NewSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly align: number;
  readonly bytes: Uint8Array;
  /** For NOBITS. */
  readonly memorySize: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

/** Collects sections, symbols and relocations and lays them out as a relocatable BPF object. */
export class ElfBuilder {
  private readonly sections: NewSection[] = [
    { name: '', type: 0, flags: 0, align: 0, bytes: new Uint8Array(), memorySize: 0, link: 0, info: 0, entrySize: 0 },
  ];
  private readonly symbols: NewSymbol[] = [];
  private readonly relocations: { section: number; offset: number; type: number; symbol: number }[] = [];

  /** Index of the new section. */
  section(name: string, options: { bytes?: Uint8Array; type?: number; flags?: number; align?: number; memorySize?: number }): number {
    const bytes = options.bytes ?? new Uint8Array();
    this.sections.push({
      name,
      type: options.type ?? SHT_PROGBITS,
      flags: options.flags ?? 0,
      align: options.align ?? 1,
      bytes,
      memorySize: options.memorySize ?? bytes.length,
      link: 0,
      info: 0,
      entrySize: 0,
    });
    return this.sections.length - 1;
  }

  /** Overwrites a part of a section's contents. */
  fill(section: number, offset: number, bytes: Uint8Array): void {
    this.sections[section]!.bytes.set(bytes, offset);
  }

  /** A handle for {@link relocation}; not yet the symbol's index, because local symbols must come first. */
  symbol(symbol: NewSymbol): number {
    this.symbols.push(symbol);
    return this.symbols.length - 1;
  }

  relocation(section: number, offset: number, type: number, symbol: number): void {
    this.relocations.push({ section, offset, type, symbol });
  }

  build(): Uint8Array {
    const names = new StringTable();
    const order = [...this.symbols.keys()].sort(
      (a, b) => Number(this.symbols[a]!.bind !== STB_LOCAL) - Number(this.symbols[b]!.bind !== STB_LOCAL),
    );
    const indexOf = new Map(order.map((handle, at) => [handle, at + 1]));
    const locals = this.symbols.filter((symbol) => symbol.bind === STB_LOCAL).length;
    const symtab = new DataView(new ArrayBuffer((order.length + 1) * SYMBOL_SIZE));
    order.forEach((handle, at) => {
      const symbol = this.symbols[handle]!;
      const off = (at + 1) * SYMBOL_SIZE;
      symtab.setUint32(off, names.add(symbol.name), true);
      symtab.setUint8(off + 4, (symbol.bind << 4) | symbol.type);
      if (symbol.hidden) symtab.setUint8(off + 5, STV_HIDDEN);
      symtab.setUint16(off + 6, symbol.section, true);
      symtab.setBigUint64(off + 8, BigInt(symbol.value), true);
      symtab.setBigUint64(off + 16, BigInt(symbol.size), true);
    });
    const all = [...this.sections];
    const relocated = [...new Set(this.relocations.map((relocation) => relocation.section))].sort((a, b) => a - b);
    const symtabIdx = all.length + relocated.length;
    for (const section of relocated) {
      const list = this.relocations.filter((relocation) => relocation.section === section).sort((a, b) => a.offset - b.offset);
      const table = new DataView(new ArrayBuffer(list.length * REL_SIZE));
      list.forEach((relocation, at) => {
        table.setBigUint64(at * REL_SIZE, BigInt(relocation.offset), true);
        table.setUint32(at * REL_SIZE + 8, relocation.type, true);
        table.setUint32(at * REL_SIZE + 12, indexOf.get(relocation.symbol)!, true);
      });
      const base = { flags: 0, align: 8, memorySize: table.byteLength, entrySize: REL_SIZE };
      all.push({
        ...base,
        name: `.rel${this.sections[section]!.name}`,
        type: SHT_REL,
        bytes: new Uint8Array(table.buffer),
        link: symtabIdx,
        info: section,
      });
    }
    const symbolBytes = new Uint8Array(symtab.buffer);
    const table = { flags: 0, memorySize: symbolBytes.length, info: locals + 1, entrySize: SYMBOL_SIZE };
    all.push({ ...table, name: '.symtab', type: SHT_SYMTAB, align: 8, bytes: symbolBytes, link: symtabIdx + 1 });
    for (const section of all) names.add(section.name);
    names.add('.strtab');
    const strings = names.bytes();
    all.push({
      name: '.strtab',
      type: SHT_STRTAB,
      flags: 0,
      align: 1,
      bytes: strings,
      memorySize: strings.length,
      link: 0,
      info: 0,
      entrySize: 0,
    });
    return layOut(all, names);
  }
}

function layOut(sections: readonly NewSection[], names: StringTable): Uint8Array {
  let at = HEADER_SIZE;
  const offsets = sections.map((section) => {
    const align = Math.max(section.align, 1);
    at = Math.ceil(at / align) * align;
    const off = at;
    at += section.bytes.length;
    return off;
  });
  const tableOff = Math.ceil(at / 8) * 8;
  const bytes = new Uint8Array(tableOff + sections.length * SECTION_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_REL, true);
  view.setUint16(18, EM_BPF, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(tableOff), true);
  view.setUint16(52, HEADER_SIZE, true);
  view.setUint16(58, SECTION_HEADER_SIZE, true);
  view.setUint16(60, sections.length, true);
  view.setUint16(62, sections.length - 1, true);
  sections.forEach((section, idx) => {
    bytes.set(section.bytes, offsets[idx]!);
    if (idx === 0) return;
    const header = tableOff + idx * SECTION_HEADER_SIZE;
    view.setUint32(header, names.add(section.name), true);
    view.setUint32(header + 4, section.type, true);
    view.setBigUint64(header + 8, BigInt(section.flags), true);
    view.setBigUint64(header + 24, BigInt(offsets[idx]!), true);
    view.setBigUint64(header + 32, BigInt(section.memorySize), true);
    view.setUint32(header + 40, section.link, true);
    view.setUint32(header + 44, section.info, true);
    view.setBigUint64(header + 48, BigInt(Math.max(section.align, 1)), true);
    view.setBigUint64(header + 56, BigInt(section.entrySize), true);
  });
  return bytes;
}
