import { InputError } from '../base/errors.ts';
import { OP_CALL } from '../bpf/insn.ts';
import type { Insn, InsnIdx, LineInfo, LocalStruct, MapDef, OriginIdx, Program, Subprog } from '../bpf/program.ts';
import { sectionType } from '../bpf/progtypes.ts';
import { type Btf, readBtf } from './btf.ts';
import { type BtfExt, type ExtFunc, type ExtLine, readBtfExt } from './btf-ext.ts';
import { type ElfFile, readElf } from './elf.ts';
import { argTags, exceptionCallbacks, functionTypes } from './func-types.ts';
import { type CodeFunction, type Linked, Linker, type Placed } from './link.ts';
import { localStructs } from './local-structs.ts';
import { originsOf } from './origins.ts';
import { readMaps } from './read-maps.ts';

/** What an object file holds, linked and ready to be verified and run. */
export interface ObjectFile {
  readonly fileName: string;
  readonly programs: readonly Program[];
  /** Every program's `maps` is this same list. */
  readonly maps: readonly MapDef[];
  readonly btf: Btf | null;
  /** JSON of `.debug_bpformer`; absent when the object has none. */
  readonly meta?: unknown;
  readonly license: string;
  readonly warnings: readonly string[];
}

const NO_ORIGINS: readonly OriginIdx[] = [];

function parseMeta(elf: ElfFile, warnings: string[]): unknown {
  const section = elf.sections.find(({ name }) => name === '.debug_bpformer');
  if (!section) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(section.bytes)) as unknown;
  } catch {
    warnings.push('.debug_bpformer is not JSON and is ignored');
    return undefined;
  }
}

/** Function and line records by section, with the functions' at their offset. */
class DebugInfo {
  private readonly btf: Btf | null;
  private readonly ext: BtfExt | null;
  private readonly tags: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly funcAt = new Map<string, ReadonlyMap<number, ExtFunc>>();
  private readonly sortedLines = new Map<string, readonly ExtLine[]>();

  constructor(btf: Btf | null, ext: BtfExt | null) {
    this.btf = btf;
    this.ext = ext;
    this.tags = btf ? argTags(btf) : new Map();
    for (const [section, funcs] of ext?.funcs ?? []) this.funcAt.set(section, new Map(funcs.map((func) => [func.byteOff, func])));
    for (const [section, lines] of ext?.lines ?? [])
      this.sortedLines.set(
        section,
        [...lines].sort((a, b) => a.byteOff - b.byteOff),
      );
  }

  subprog({ func, start }: Placed, isEntry: boolean, progType: number): Subprog {
    const record = this.funcAt.get(func.section.name)?.get(func.start * 8);
    const types = this.btf && record ? functionTypes(this.btf, this.tags, record.typeId, progType) : null;
    // Whatever C calls the main function's argument (`struct enter *`, `unsigned long long *`), the kernel passes the context.
    if (isEntry)
      return { name: func.name, start, linkage: 'global', ...(types?.args ? { args: [{ kind: 'ctx' }], returns: 'scalar' } : {}) };
    // Only what BTF calls global is checked apart from its callers; libbpf makes hidden functions static.
    if (!types?.isGlobal || !func.isVisible)
      return { name: func.name, start, linkage: 'static', ...(types?.returns === 'void' ? { returns: 'void' } : {}) };
    return { name: func.name, start, linkage: 'global', args: types.args, returns: types.returns };
  }

  /** What the main function's declaration tags name as its exception callback. */
  exceptionCallbacks({ func }: Placed): readonly string[] {
    const record = this.funcAt.get(func.section.name)?.get(func.start * 8);
    return this.btf && record ? exceptionCallbacks(this.btf, record.typeId) : [];
  }

  /** Lines of a placed function, in the linked program's numbers. */
  lines({ func, start }: Placed): LineInfo[] {
    const lines = this.sortedLines.get(func.section.name) ?? [];
    const found: LineInfo[] = [];
    // First record at or behind the function's start.
    let low = 0;
    for (let high = lines.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (lines[middle]!.byteOff < func.start * 8) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < lines.length && lines[at]!.byteOff < func.end * 8; at++) {
      const record = lines[at]!;
      const text = this.btf!.string(record.textOff);
      // What the writer puts at functions without a line, because the kernel wants one.
      const isFiller = record.line === 0 && record.column === 0 && record.byteOff === func.start * 8 && text === func.name;
      if (isFiller || record.byteOff % 8 !== 0) continue;
      const insnIdx: InsnIdx = start + record.byteOff / 8 - func.start;
      found.push({ insnIdx, file: this.btf!.string(record.fileNameOff), line: record.line, column: record.column, text });
    }
    return found;
  }

  get coreRelocations(): number {
    return this.ext?.coreRelocations ?? 0;
  }
}

/** Names in order, equal ones numbered: static functions of several sections may share a name. */
function uniqueNames(subprogs: readonly Subprog[]): Subprog[] {
  const used = new Set(subprogs.map((func) => func.name));
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return subprogs.map((func) => {
    if (!taken.has(func.name)) {
      taken.add(func.name);
      return func;
    }
    let n = next.get(func.name) ?? 2;
    while (used.has(`${func.name}__${n}`)) n++;
    next.set(func.name, n + 1);
    return { ...func, name: `${func.name}__${n}` };
  });
}

/** Functions that a loader would take for programs: those outside `.text`, or, where there are none, the visible ones in it. */
function entriesOf(functions: readonly CodeFunction[]): readonly CodeFunction[] {
  const outside = functions.filter((func) => func.section.name !== '.text' && !func.isLocal);
  return outside.length > 0 ? outside : functions.filter((func) => !func.isLocal);
}

/**
 * Reads a BPF object: what {@link writeObject} writes, and what clang 16–19 writes. Calls are linked and maps numbered as libbpf does,
 * so instruction indices are those of the kernel's log. Throws {@link InputError} for files that are no BPF objects or are damaged.
 */
export function readObject(bytes: Uint8Array, fileName: string): ObjectFile {
  const elf = readElf(bytes, fileName);
  const warnings: string[] = [];
  const warned = new Set<string>();
  const warn = (message: string): void => {
    if (warned.has(message) || warned.size >= 100) return;
    warned.add(message);
    warnings.push(message);
  };
  const sectionNamed = (name: string) => elf.sections.find((section) => section.name === name);
  const btfSection = sectionNamed('.BTF');
  const extSection = sectionNamed('.BTF.ext');
  const btf = btfSection ? readBtf(btfSection.bytes, `${fileName}, section .BTF`) : null;
  const ext = btf && extSection ? readBtfExt(extSection.bytes, (off) => btf.string(off), `${fileName}, section .BTF.ext`) : null;
  const debug = new DebugInfo(btf, ext);
  const license = new TextDecoder().decode(sectionNamed('license')?.bytes ?? new Uint8Array()).replace(/\0.*$/s, '');
  const maps = readMaps(elf, btf, fileName, warnings);
  const linker = new Linker(elf, maps, fileName, warn);
  const entries = entriesOf(linker.functions);
  if (entries.length === 0) throw new InputError('the object holds no program', fileName);
  if (debug.coreRelocations > 0) {
    warn(
      `${debug.coreRelocations} CO-RE relocations are unresolved: field offsets are those of the compiler's headers, not of a running kernel`,
    );
  }
  const meta = parseMeta(elf, warnings);
  let structs: ReadonlyMap<number, LocalStruct> | undefined;
  const structsOf = btf && (() => (structs ??= localStructs(btf)));
  const programs = entries.map((entry) =>
    toProgram(entry, linker.link(entry), debug, {
      license,
      maps: maps.maps,
      meta: entries.length === 1 ? meta : undefined,
      structs: structsOf,
      warn,
    }),
  );
  return { fileName, programs, maps: maps.maps, btf, ...(meta === undefined ? {} : { meta }), license, warnings };
}

/** Functions that deal in objects which the program allocates. */
const ALLOCATES = /^bpf_((percpu_)?obj_(new|drop)_impl|list_|rbtree_|refcount_)/;
const KPTR_XCHG = 194;
const isKptrExchange = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === 0 && insn.imm === KPTR_XCHG;

function toProgram(
  entry: CodeFunction,
  linked: Linked,
  debug: DebugInfo,
  object: {
    license: string;
    maps: readonly MapDef[];
    meta: unknown;
    structs: (() => ReadonlyMap<number, LocalStruct>) | null;
    warn: (message: string) => void;
  },
): Program {
  const section = entry.section.name;
  const type = sectionType(section);
  if (!type) object.warn(`section ${section} names no program type that libbpf knows`);
  else if (!type.exact)
    object.warn(`section ${section} is taken for ${section.replace(/[/_].*$/s, '')}; libbpf 1.0 and later refuses the name`);
  const progType = type?.progType ?? 0;
  const origins = originsOf(object.meta, linked.insns.length);
  const callbacks = debug.exceptionCallbacks(linked.placed[0]!);
  const allocates = [...linked.kfuncCalls.values()].some((name) => ALLOCATES.test(name)) || linked.insns.some(isKptrExchange);
  return {
    name: entry.name,
    section,
    progType,
    expectedAttachType: type?.expectedAttachType ?? 0,
    ...(section.includes('/') ? { attachTo: section.slice(section.indexOf('/') + 1) } : {}),
    sleepable: type?.sleepable ?? false,
    loadFlags: type?.loadFlags ?? 0,
    license: object.license,
    insns: linked.insns,
    subprogs: uniqueNames(linked.placed.map((placed, at) => debug.subprog(placed, at === 0, progType))),
    maps: object.maps,
    lineInfo: linked.placed.flatMap((placed) => debug.lines(placed)),
    origins: origins?.origins ?? [],
    insnOrigins: origins?.insnOrigins ?? linked.insns.map(() => NO_ORIGINS),
    ...(allocates && object.structs ? { localStructs: object.structs() } : {}),
    ...(callbacks.length > 0 ? { exceptionCallbacks: callbacks } : {}),
    kfuncCalls: linked.kfuncCalls,
  };
}
