import { InputError } from '../base/errors.ts';
import {
  decodeInsns,
  isFuncAddress,
  isPseudoCall,
  OP_CALL,
  OP_LDDW,
  PSEUDO_BTF_ID,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
} from '../bpf/insn.ts';
import type { Insn, InsnIdx } from '../bpf/program.ts';
import type { ExtCore } from './btf-ext.ts';
import { CoreError, type CoreResolver } from './core.ts';
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  SHF_EXECINSTR,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_PROGBITS,
  STB_LOCAL,
  STT_FUNC,
  STT_SECTION,
  STV_HIDDEN,
} from './elf.ts';
import type { Extern } from './externs.ts';
import type { ObjectMaps } from './read-maps.ts';

/** A function as it stands in its section, in slots. */
export interface CodeFunction {
  readonly name: string;
  readonly section: ElfSection;
  readonly start: InsnIdx;
  readonly end: InsnIdx;
  /** Seen from outside: neither a local symbol nor a hidden one, which libbpf treats as static. */
  readonly isVisible: boolean;
  readonly isLocal: boolean;
}

/** A function where the linker put it. */
export interface Placed {
  readonly func: CodeFunction;
  readonly start: InsnIdx;
}

export interface Linked {
  readonly insns: readonly Insn[];
  readonly placed: readonly Placed[];
  readonly kfuncCalls: ReadonlyMap<InsnIdx, string>;
}

/**
 * Instructions that one object may expand to over all of its programs: four times what the kernel takes for one. Without a
 * limit a small file with many programs that share code would expand to any size.
 */
const MAX_LINKED_SLOTS = 4_000_000;

/** What a loader knows besides the file: where external names lead, and the kernel's types for CO-RE relocations. */
export interface Resolution {
  readonly externs: ReadonlyMap<number, Extern>;
  /** Index of the map of configuration values; -1 for none. */
  readonly configMap: number;
  /** CO-RE relocations by section. */
  readonly core: ReadonlyMap<string, readonly ExtCore[]>;
  readonly resolver: CoreResolver | null;
}

const NOTHING_KNOWN: Resolution = { externs: new Map(), configMap: -1, core: new Map(), resolver: null };

export class Linker {
  private readonly elf: ElfFile;
  private readonly maps: ObjectMaps;
  private readonly fileName: string;
  private readonly warn: (message: string) => void;
  private readonly resolution: Resolution;
  private readonly coreAt = new Map<string, readonly ExtCore[]>();
  /** By section and start. */
  private readonly functionAt = new Map<string, CodeFunction>();
  private readonly decoded = new Map<CodeFunction, readonly Insn[]>();
  private readonly relocationAt = new Map<number, ReadonlyMap<number, ElfRelocation>>();
  private linkedSlots = 0;
  readonly functions: readonly CodeFunction[];

  constructor(elf: ElfFile, maps: ObjectMaps, fileName: string, warn: (message: string) => void, resolution = NOTHING_KNOWN) {
    this.elf = elf;
    this.resolution = resolution;
    for (const [section, list] of resolution.core)
      this.coreAt.set(
        section,
        [...list].sort((a, b) => a.byteOff - b.byteOff),
      );
    this.maps = maps;
    this.fileName = fileName;
    this.warn = warn;
    this.functions = this.findFunctions();
    for (const func of this.functions) this.functionAt.set(`${func.section.index}/${func.start}`, func);
  }

  private fail(what: string, section: ElfSection, byteOff: number): never {
    throw new InputError(what, `${this.fileName}, byte 0x${(section.fileOff + byteOff).toString(16)} (section ${section.name})`);
  }

  private findFunctions(): CodeFunction[] {
    const functions: CodeFunction[] = [];
    const bySection = new Map<number, { name: string; value: number; size: number; isVisible: boolean; isLocal: boolean }[]>();
    for (const symbol of this.elf.symbols) {
      if (symbol.type !== STT_FUNC || symbol.sectionIdx === SHN_UNDEF) continue;
      const list = bySection.get(symbol.sectionIdx) ?? [];
      const isLocal = symbol.bind === STB_LOCAL;
      list.push({ ...symbol, isLocal, isVisible: !isLocal && symbol.visibility !== STV_HIDDEN && symbol.visibility !== 1 });
      bySection.set(symbol.sectionIdx, list);
    }
    for (const section of this.elf.sections) {
      if (!(section.flags & SHF_EXECINSTR) || section.type !== SHT_PROGBITS || section.size === 0) continue;
      if (section.size % 8 !== 0) this.fail(`code of ${section.size} bytes is no multiple of 8`, section, 0);
      const symbols = (bySection.get(section.index) ?? []).sort((a, b) => a.value - b.value);
      if (symbols.length === 0) {
        // Assembly without `.type …,@function`: the section is one function.
        functions.push({
          name: section.name.replace(/[^A-Za-z0-9_]/g, '_'),
          section,
          start: 0,
          end: section.size / 8,
          isVisible: true,
          isLocal: false,
        });
      }
      let next = section.size;
      for (let at = symbols.length - 1; at >= 0; at--) {
        const symbol = symbols[at]!;
        const following = symbols[at + 1]?.value;
        if (following !== undefined && following > symbol.value) next = following;
        const end = symbol.size > 0 ? symbol.value + symbol.size : next;
        if (symbol.value % 8 !== 0 || end % 8 !== 0 || end > section.size || end <= symbol.value) {
          this.fail(
            `function ${symbol.name} (${end - symbol.value} bytes) does not fit in its section`,
            section,
            Math.min(symbol.value, section.size),
          );
        }
        functions.push({
          name: symbol.name,
          section,
          start: symbol.value / 8,
          end: end / 8,
          isVisible: symbol.isVisible,
          isLocal: symbol.isLocal,
        });
      }
    }
    // In the order of their sections and places.
    functions.sort((a, b) => a.section.index - b.section.index || a.start - b.start);
    return functions;
  }

  private insnsOf(func: CodeFunction): readonly Insn[] {
    let insns = this.decoded.get(func);
    if (!insns) {
      const decoded = decodeInsns(func.section.bytes.subarray(func.start * 8, func.end * 8));
      this.applyCore(func, decoded);
      this.decoded.set(func, decoded);
      insns = decoded;
    }
    return insns;
  }

  /** Puts what the running kernel's types say into the instructions of a function. */
  private applyCore(func: CodeFunction, insns: Insn[]): void {
    const { resolver } = this.resolution;
    const list = this.coreAt.get(func.section.name);
    if (!resolver || !list) return;
    for (const relocation of list) {
      const slot = relocation.byteOff / 8 - func.start;
      if (slot < 0) continue;
      if (slot >= insns.length) break;
      if (!Number.isInteger(slot)) this.fail('a CO-RE relocation lies between instructions', func.section, relocation.byteOff);
      try {
        resolver.apply(insns, slot, relocation);
      } catch (error) {
        if (!(error instanceof CoreError)) throw error;
        this.fail(`a CO-RE relocation ${error.message}`, func.section, relocation.byteOff);
      }
    }
  }

  private relocationsOf(section: ElfSection): ReadonlyMap<number, ElfRelocation> {
    let table = this.relocationAt.get(section.index);
    if (!table) {
      table = new Map((this.elf.relocations.get(section.index) ?? []).map((relocation) => [relocation.offset, relocation]));
      this.relocationAt.set(section.index, table);
    }
    return table;
  }

  /** The function that starts at a slot of a section. */
  private callee(section: ElfSection, slot: number, from: ElfSection, fromByte: number): CodeFunction {
    const func = this.functionAt.get(`${section.index}/${slot}`);
    if (!func) this.fail(`calls slot ${slot} of section ${section.name}, where no function starts`, from, fromByte);
    return func;
  }

  /**
   * Code of `entry` followed by all functions it needs, in the order in which libbpf appends them (bpf_object__reloc_code): each when its
   * first call is met, before the caller's later ones.
   */
  link(entry: CodeFunction, exceptionCallbacks: readonly string[] = []): Linked {
    const insns: Insn[] = [];
    const placed: Placed[] = [];
    const kfuncCalls = new Map<InsnIdx, string>();
    const startOf = new Map<CodeFunction, InsnIdx>();
    /** Calls to be given their distance once every function has its place. */
    const calls: { idx: InsnIdx; callee: CodeFunction }[] = [];
    const append = (func: CodeFunction): { func: CodeFunction; slot: number } => {
      startOf.set(func, insns.length);
      placed.push({ func, start: insns.length });
      this.linkedSlots += func.end - func.start;
      if (this.linkedSlots > MAX_LINKED_SLOTS)
        this.fail(`the programs of this object come to more than ${MAX_LINKED_SLOTS} instructions`, func.section, func.start * 8);
      for (const insn of this.insnsOf(func)) insns.push(insn);
      return { func, slot: func.start };
    };
    // What is called for an exception follows, where no call has brought it in.
    const later = this.functions.filter(({ name, isVisible }) => isVisible && exceptionCallbacks.includes(name));
    const stack = [append(entry)];
    while (stack.length > 0 || later.length > 0) {
      if (stack.length === 0) {
        const callback = later.shift()!;
        if (!startOf.has(callback)) stack.push(append(callback));
        continue;
      }
      const top = stack.at(-1)!;
      if (top.slot >= top.func.end) {
        stack.pop();
        continue;
      }
      const slot = top.slot++;
      const idx = startOf.get(top.func)! + slot - top.func.start;
      const callee = this.resolve(top.func, slot, insns, idx, kfuncCalls);
      if (insns[idx]!.opcode === OP_LDDW && top.slot < top.func.end) top.slot++;
      if (!callee) continue;
      calls.push({ idx, callee });
      if (!startOf.has(callee)) stack.push(append(callee));
    }
    for (const { idx, callee } of calls) insns[idx] = { ...insns[idx]!, imm: startOf.get(callee)! - idx - 1 };
    return { insns, placed, kfuncCalls };
  }

  /** A function as it stands in its section, for a program that cannot be linked. */
  alone(func: CodeFunction): Linked {
    const insns = decodeInsns(func.section.bytes.subarray(func.start * 8, func.end * 8));
    return { insns, placed: [{ func, start: 0 }], kfuncCalls: new Map() };
  }

  /** Applies what the object says about one instruction; returns the function that it calls or takes the address of. */
  private resolve(func: CodeFunction, slot: number, insns: Insn[], idx: InsnIdx, kfuncCalls: Map<InsnIdx, string>): CodeFunction | null {
    const { section } = func;
    const byteOff = slot * 8;
    const insn = insns[idx]!;
    const relocation = this.relocationsOf(section).get(byteOff);
    if (!relocation) {
      if (isPseudoCall(insn)) return this.callee(section, slot + 1 + insn.imm, section, byteOff);
      if (isFuncAddress(insn)) return this.callee(section, slot + 1 + insn.imm, section, byteOff);
      // A file descriptor written into the code, which names no map of the object.
      if (insn.opcode === OP_LDDW && (insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE))
        insns[idx] = { ...insn, imm: ~insn.imm };
      return null;
    }
    const symbol = this.elf.symbols[relocation.symbolIdx]!;
    const target = symbol.sectionIdx < SHN_LORESERVE ? this.elf.sections[symbol.sectionIdx] : undefined;
    if (insn.opcode === OP_CALL) {
      if (symbol.sectionIdx === SHN_UNDEF || !target) {
        const extern = this.resolution.externs.get(relocation.symbolIdx);
        if (extern?.kind === 'poison') insns[idx] = { ...insn, dst: 0, src: 0, off: 0, imm: extern.imm };
        else {
          kfuncCalls.set(idx, extern?.kind === 'btf' ? extern.name : symbol.name);
          insns[idx] = { ...insn, src: PSEUDO_KFUNC_CALL, off: 0, imm: 0 };
        }
        return null;
      }
      insns[idx] = { ...insn, src: PSEUDO_CALL };
      return this.callee(target, symbol.value / 8 + insn.imm + 1, section, byteOff);
    }
    if (insn.opcode !== OP_LDDW || idx + 1 >= insns.length || slot + 1 >= func.end) {
      this.fail('a relocation changes an instruction that is neither a call nor a 64-bit load', section, byteOff);
    }
    if (symbol.sectionIdx === SHN_UNDEF || !target) {
      const [first, second] = this.externLoad(relocation.symbolIdx, symbol.name);
      insns[idx] = { ...insn, ...first };
      insns[idx + 1] = { ...insns[idx + 1]!, imm: second };
      return null;
    }
    if (target.flags & SHF_EXECINSTR) {
      insns[idx] = { ...insn, src: PSEUDO_FUNC };
      return this.callee(target, (symbol.value + insn.imm) / 8, section, byteOff);
    }
    const data = this.maps.dataOf(target.index);
    if (data !== undefined) {
      const off = (symbol.value + insn.imm) | 0;
      insns[idx] = { ...insn, src: PSEUDO_MAP_VALUE, imm: data };
      insns[idx + 1] = { ...insns[idx + 1]!, imm: off };
      return null;
    }
    const map = this.maps.definitionAt(target.index, symbol.value + (symbol.type === STT_SECTION ? insn.imm : 0));
    if (map === undefined)
      this.fail(`refers to ${symbol.name || `section ${target.name}`}, which is no map, function or global data`, section, byteOff);
    insns[idx] = { ...insn, src: PSEUDO_MAP_FD, imm: map };
    return null;
  }

  /** What a 64-bit load of an external name loads: source field, and both words. */
  private externLoad(symbolIdx: number, name: string): [first: { src: number; imm: number }, second: number] {
    const extern = this.resolution.externs.get(symbolIdx);
    switch (extern?.kind) {
      case 'config':
        return [{ src: PSEUDO_MAP_VALUE, imm: this.resolution.configMap }, extern.off];
      case 'btf':
        return [{ src: PSEUDO_BTF_ID, imm: extern.id }, 0];
      case 'value':
        return [{ src: 0, imm: Number(BigInt.asIntN(32, extern.value)) }, Number(BigInt.asIntN(32, extern.value >> 32n))];
      case 'poison':
        return [{ src: 0, imm: 0 }, 0];
      default:
        this.warn(`external ${name || 'symbol'} is unresolved and reads as 0`);
        return [{ src: 0, imm: 0 }, 0];
    }
  }
}
