import { InputError } from '../../base/errors.ts';
import { ACCEL_STACK_BYTES, accelHookOf } from '../../bpf/accelerator/names.ts';
import { assemble } from '../../bpf/asm.ts';
import { helperId } from '../../bpf/helper-names.ts';
import { encodeInsns, PSEUDO_CALL } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import type { FuncCode } from '../../compiler/backend/encode.ts';
import type { Cpu } from '../../compiler/backend/legalize.ts';
import { emitSeparate } from '../../compiler/backend/separate.ts';
import { BtfBuilder, type BtfSectionVar, KIND_DATASEC } from '../../object/btf.ts';
import { type ExtCore, type ExtFunc, type ExtLine, encodeBtfExt } from '../../object/btf-ext.ts';
import {
  R_BPF_64_32,
  R_BPF_64_64,
  R_BPF_64_ABS64,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_UNDEF,
  SHT_NOBITS,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
  STT_SECTION,
} from '../../object/elf.ts';
import { ElfBuilder } from '../../object/elf-builder.ts';
import { Metadata, type MetaId } from '../llvm-ir/metadata.ts';
import type { Func, Global, Linkage, Module, Value } from '../llvm-ir/module.ts';
import { sizeOf } from '../llvm-ir/types.ts';
import { lowerFunction, type ModuleContext } from '../lower/function.ts';
import { addressOf, type Contents, contentsOf, MOST_ALIGN_BYTES, MOST_VARIABLE_BYTES } from './data.ts';
import { CoreRelocations } from './relocations.ts';
import { DebugTypes } from './types.ts';

/** Inline assembly with its registers named. */
function assembleInline(text: string): readonly Insn[] {
  const { program, diagnostics } = assemble(text);
  if (!program)
    throw new InputError(`inline assembly: ${diagnostics[0]?.message ?? 'nothing to assemble'} (${text.trim().split('\n')[0]})`);
  return program.insns;
}

const TEXT = '.text';
const BIND: Readonly<Record<Linkage, number>> = { internal: STB_LOCAL, weak: STB_WEAK, global: STB_GLOBAL, external: STB_GLOBAL };

export interface ObjectOptions {
  readonly cpu: Cpu;
  /** Text of a source file by the name that clang knows it by, for lines beside instructions. */
  readonly source: (file: string) => string | undefined;
}

interface PlacedFunc {
  readonly func: Func;
  readonly code: FuncCode;
  readonly section: string;
  /** In instructions. */
  readonly at: number;
}

interface PlacedGlobal {
  readonly global: Global;
  readonly contents: Contents;
  readonly section: string;
  readonly at: number;
}

/** The object that a module in LLVM's IR becomes: code by our back end, data, relocations, BTF. */
export function moduleToObject(module: Module, options: ObjectOptions): Uint8Array {
  return new ModuleWriter(module, options).build();
}

class ModuleWriter {
  private readonly module: Module;
  private readonly options: ObjectOptions;
  private readonly meta: Metadata;
  private readonly btf = new BtfBuilder();
  private readonly types: DebugTypes;
  private readonly core: CoreRelocations;
  private readonly elf = new ElfBuilder();
  private readonly globals: ReadonlyMap<string, Global>;
  private readonly defined: ReadonlyMap<string, Func>;
  private readonly symbols = new Map<string, number>();
  private readonly sections = new Map<string, { index: number; symbol: number }>();
  private readonly funcs: PlacedFunc[] = [];
  private readonly data: PlacedGlobal[] = [];

  constructor(module: Module, options: ObjectOptions) {
    this.module = module;
    this.options = options;
    this.meta = new Metadata(module.metadata);
    this.types = new DebugTypes(this.btf, this.meta, module.metadata);
    this.globals = new Map(module.globals.map((global) => [global.name, global]));
    this.defined = new Map(module.funcs.filter((func) => func.blocks.length > 0).map((func) => [func.name, func]));
    this.core = new CoreRelocations(this.types, this.meta, this.globals);
  }

  build(): Uint8Array {
    this.placeFunctions();
    this.placeData();
    this.writeCode();
    this.writeData();
    this.relocate();
    this.describe();
    return this.elf.build();
  }

  private placeFunctions(): void {
    const context: ModuleContext = {
      cpu: this.options.cpu,
      defined: this.defined,
      helperAt: (name) => {
        const init = this.globals.get(name)?.init;
        const address = init ? addressOf(init) : null;
        return address?.symbol === null ? Number(address.off) : null;
      },
      fieldRelocation: (accesses, kind) => this.core.field(accesses, kind),
      typeRelocation: (line) => this.core.type(line),
      place: (dbg) => this.place(dbg),
    };
    const onDevice = [...this.defined.values()].some(({ section }) => accelHookOf((section ?? '').replace(/^\?/, '')) !== null);
    const sizes = new Map<string, number>();
    for (const func of this.defined.values()) {
      const ir = lowerFunction(func, context);
      let code: FuncCode;
      try {
        code = emitSeparate(ir, {
          cpu: this.options.cpu,
          helperId: (name) => helperId(name) ?? Number(name),
          assemble: assembleInline,
          ...(onDevice ? { stackLimit: ACCEL_STACK_BYTES } : {}),
        });
      } catch (error) {
        // Frames that are too large and the like name the function; its place in the source says more.
        if (error instanceof InputError)
          throw new InputError(
            `${func.name}: ${error.what}`,
            this.place(func.dbg),
            error.what.includes('frame') ? 'Move large variables to a map' : '',
          );
        throw error;
      }
      const section = func.section ?? TEXT;
      const at = sizes.get(section) ?? 0;
      sizes.set(section, at + code.insns.length);
      this.funcs.push({ func, code, section, at });
    }
  }

  private placeData(): void {
    const used = this.mentioned();
    const sizes = new Map<string, number>();
    let total = 0;
    for (const global of this.module.globals) {
      if (global.init === null || global.section === 'llvm.metadata') continue;
      // Constants of the compiler's own are there only where code or data still names them.
      if (global.isPrivate && !used.has(global.name)) continue;
      const contents = contentsOf(global.init, global.name);
      const isZero = contents.addresses.length === 0 && contents.bytes.every((byte) => byte === 0);
      const section = global.section ?? (global.constant ? '.rodata' : isZero ? '.bss' : '.data');
      const align = Math.max(1, global.align);
      if (align > MOST_ALIGN_BYTES)
        throw new InputError(
          `it is aligned to ${align} bytes, and loaders align to ${MOST_ALIGN_BYTES} at most`,
          `variable ${global.name}`,
        );
      total += contents.bytes.length;
      if (total > MOST_VARIABLE_BYTES)
        throw new InputError(
          `with it all variables have ${total} bytes, and ${MOST_VARIABLE_BYTES} at most`,
          `variable ${global.name}`,
          'Keep large data in a map',
        );
      const at = Math.ceil((sizes.get(section) ?? 0) / align) * align;
      sizes.set(section, at + sizeOf(global.type));
      this.data.push({ global, contents, section, at });
    }
  }

  /** Names in code and data. */
  private mentioned(): ReadonlySet<string> {
    const found = new Set(this.funcs.flatMap(({ code }) => code.fixups.map((fixup) => fixup.func!)));
    const visit = (value: Value): void => {
      if (value.kind === 'global') found.add(value.name);
      if (value.kind === 'aggregate') value.elements.forEach(visit);
      if (value.kind === 'expr' && value.inst.op === 'gep') visit(value.inst.base);
      if (value.kind === 'expr' && value.inst.op === 'cast') visit(value.inst.value);
    };
    for (const global of this.module.globals) if (global.init && global.section !== 'llvm.metadata') visit(global.init);
    return found;
  }

  private section(name: string, options: Parameters<ElfBuilder['section']>[1]): number {
    const index = this.elf.section(name, options);
    const symbol = this.elf.symbol({ name: '', section: index, value: 0, size: 0, type: STT_SECTION, bind: STB_LOCAL });
    this.sections.set(name, { index, symbol });
    return index;
  }

  private writeCode(): void {
    for (const name of new Set(this.funcs.map(({ section }) => section))) {
      const inside = this.funcs.filter(({ section }) => section === name);
      const insns = inside.flatMap(({ code }) => code.insns);
      const index = this.section(name, { bytes: encodeInsns(insns), flags: SHF_ALLOC | SHF_EXECINSTR, align: 8 });
      for (const { func, code, at } of inside) {
        const symbol = { name: func.name, section: index, value: at * 8, size: code.insns.length * 8, type: STT_FUNC };
        this.symbols.set(func.name, this.elf.symbol({ ...symbol, bind: BIND[func.linkage], hidden: func.hidden }));
      }
    }
  }

  private writeData(): void {
    for (const name of new Set(this.data.map(({ section }) => section))) {
      const inside = this.data.filter(({ section }) => section === name);
      const size = Math.max(...inside.map(({ at, contents }) => at + contents.bytes.length));
      const bytes = new Uint8Array(size);
      for (const { at, contents } of inside) bytes.set(contents.bytes, at);
      const isBss = name === '.bss' || name.startsWith('.bss.');
      const isConstant = inside.every(({ global }) => global.constant);
      const index = this.section(name, {
        ...(isBss ? { type: SHT_NOBITS, memorySize: size } : { bytes }),
        flags: isConstant ? SHF_ALLOC : SHF_ALLOC | SHF_WRITE,
        align: Math.max(...inside.map(({ global }) => global.align), 1),
      });
      for (const { global, at, contents } of inside) {
        const symbol = { name: global.name, section: index, value: at, size: contents.bytes.length, type: STT_OBJECT };
        this.symbols.set(global.name, this.elf.symbol({ ...symbol, bind: BIND[global.linkage], hidden: global.hidden }));
      }
      for (const { at, contents } of inside)
        for (const address of contents.addresses) {
          this.elf.relocation(index, at + address.at, R_BPF_64_ABS64, this.symbolFor(address.symbol));
        }
    }
  }

  /** A symbol by name; those that nothing here defines are the loader's. */
  private symbolFor(name: string): number {
    const known = this.symbols.get(name);
    if (known !== undefined) return known;
    const isWeak = (this.globals.get(name) ?? this.module.funcs.find((func) => func.name === name))?.isWeak === true;
    const symbol = { name, section: SHN_UNDEF, value: 0, size: 0, type: STT_NOTYPE, bind: isWeak ? STB_WEAK : STB_GLOBAL };
    const made = this.elf.symbol(symbol);
    this.symbols.set(name, made);
    return made;
  }

  private relocate(): void {
    const placed = new Map(this.funcs.map((func) => [func.func.name, func]));
    for (const { code, section, at } of this.funcs) {
      const { index } = this.sections.get(section)!;
      for (const fixup of code.fixups) {
        const name = fixup.func!;
        const place = at + fixup.at;
        const target = placed.get(name);
        const old = code.insns[fixup.at]!;
        if (fixup.kind === 'symbol') {
          if (target && target.func.linkage === 'internal') {
            // libbpf takes the address of a static function by its section.
            this.patch(index, place, { ...old, imm: target.at * 8 });
            this.elf.relocation(index, place * 8, R_BPF_64_64, this.sections.get(target.section)!.symbol);
          } else this.elf.relocation(index, place * 8, R_BPF_64_64, this.symbolFor(name));
          continue;
        }
        const isNear = target && target.section === section && (target.func.linkage === 'internal' || section !== TEXT);
        if (isNear) this.patch(index, place, { ...old, src: PSEUDO_CALL, imm: target.at - place - 1 });
        else {
          this.patch(index, place, { ...old, src: PSEUDO_CALL, imm: -1 });
          this.elf.relocation(index, place * 8, R_BPF_64_32, this.symbolFor(name));
        }
      }
    }
  }

  private patch(section: number, at: number, insn: Insn): void {
    this.elf.fill(section, at * 8, encodeInsns([insn]));
  }

  // BTF

  private describe(): void {
    // Without debug metadata (-g0) there is nothing to describe.
    if (!this.funcs.some(({ func }) => func.dbg !== null) && !this.data.some(({ global }) => global.dbg !== null)) return;
    const { btf, types } = this;
    const funcs = new Map<string, ExtFunc[]>();
    const lines = new Map<string, ExtLine[]>();
    const core = new Map<string, ExtCore[]>();
    const push = <T>(table: Map<string, T[]>, section: string, record: T): void => {
      const list = table.get(section);
      if (list) list.push(record);
      else table.set(section, [record]);
    };
    for (const { func, code, section, at } of this.funcs) {
      if (func.dbg !== null) push(funcs, section, { byteOff: at * 8, typeId: types.func(func.dbg, func.name, func.linkage) });
      for (const record of this.lineRecords(func, code)) push(lines, section, { ...record, byteOff: (at + record.byteOff) * 8 });
      for (const { at: place, relocation } of code.core) {
        const { typeId, access, kind } = this.core.records[relocation]!;
        push(core, section, { byteOff: (at + place) * 8, typeId, accessOff: btf.string(access), kind });
      }
    }
    this.describeData();
    const table = <T>(map: Map<string, T[]>) => [...map].map(([name, records]) => ({ section: btf.string(name), records }));
    const ext = encodeBtfExt(table(funcs), table(lines), table(core));
    this.elf.section('.BTF', { bytes: btf.encode(), align: 4 });
    this.elf.section('.BTF.ext', { bytes: ext, align: 4 });
  }

  private describeData(): void {
    const bySection = new Map<string, { size: number; vars: BtfSectionVar[] }>();
    const section = (name: string): { size: number; vars: BtfSectionVar[] } => {
      const known = bySection.get(name) ?? { size: 0, vars: [] };
      bySection.set(name, known);
      return known;
    };
    for (const { global, at, contents, section: name } of this.data) {
      const entry = section(name);
      entry.size = Math.max(entry.size, at + contents.bytes.length);
      if (global.dbg === null) continue;
      const type = this.types.variable(global.dbg, global.name, global.linkage, name === '.maps');
      entry.vars.push({ type, offset: at, size: contents.bytes.length });
    }
    // What the loader provides: kernel configuration, symbols and functions of the kernel.
    for (const global of this.module.globals) {
      if (global.init !== null || global.section === null || global.dbg === null || !this.symbols.has(global.name)) continue;
      const type = this.types.variable(global.dbg, global.name, 'external', false);
      section(global.section).vars.push({ type, offset: 0, size: sizeOf(global.type) });
    }
    for (const func of this.module.funcs) {
      if (func.blocks.length > 0 || func.dbg === null || !this.symbols.has(func.name)) continue;
      const type = this.types.func(func.dbg, func.name, 'external');
      if (func.section !== null) section(func.section).vars.push({ type, offset: 0, size: 0 });
    }
    for (const [name, { size, vars }] of bySection) {
      if (vars.length > 0) this.btf.add({ kind: KIND_DATASEC, name, size, vars });
    }
  }

  /** Where the source line changes; the kernel wants a record at a function's first instruction. `byteOff` counts instructions here. */
  private lineRecords(func: Func, code: FuncCode): ExtLine[] {
    if (func.dbg === null) return [];
    const found: ExtLine[] = [];
    let last = '';
    code.originIds.forEach((origin, at) => {
      // The second half of a wide constant is no instruction.
      if (code.insns[at]!.opcode === 0) return;
      const spot = origin > 0 ? this.spot(String(origin - 1)) : null;
      const here = spot && spot.line > 0 ? spot : at === 0 ? this.spot(func.dbg) : null;
      if (!here) return;
      const key = `${here.file}:${here.line}:${here.column}`;
      if (key === last) return;
      last = key;
      const text = this.options.source(here.file)?.split('\n')[here.line - 1] ?? '';
      found.push({
        byteOff: at,
        fileNameOff: this.btf.string(here.file),
        textOff: this.btf.string(text),
        line: here.line,
        column: here.column,
      });
    });
    return found;
  }

  private spot(id: MetaId | null): { file: string; line: number; column: number } | null {
    const node = this.meta.node(id);
    if (!node) return null;
    let file = this.meta.ref(node, 'file');
    for (let scope = this.meta.ref(node, 'scope'); file === null && scope !== null; ) {
      const inner = this.meta.node(scope);
      if (!inner) break;
      file = this.meta.ref(inner, 'file');
      scope = this.meta.ref(inner, 'scope');
    }
    const named = this.meta.node(file);
    return {
      file: named ? this.meta.text(named, 'filename') : '',
      line: this.meta.number(node, 'line'),
      column: this.meta.number(node, 'column'),
    };
  }

  private place(dbg: MetaId | null): string {
    const spot = this.spot(dbg);
    return spot ? `${spot.file}:${spot.line}:${spot.column || 1}` : 'C source';
  }
}
