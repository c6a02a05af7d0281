import { InputError } from '../base/errors.ts';
import { ACCEL_HOOKS, ACCEL_SECTION } from '../bpf/accelerator/names.ts';
import { OP_CALL } from '../bpf/insn.ts';
import type { Insn, InsnIdx, LineInfo, LocalStruct, MapDef, OriginIdx, Program, Subprog } from '../bpf/program.ts';
import { sectionType } from '../bpf/progtypes.ts';
import { attachName, attachProblem, functionKey, isStructOps, type Operations, readOperations } from './attach.ts';
import { type Btf, readBtf } from './btf.ts';
import { type BtfExt, type ExtFunc, type ExtLine, readBtfExt } from './btf-ext.ts';
import { CoreResolver } from './core.ts';
import { type ElfFile, readElf } from './elf.ts';
import { resolveExterns } from './externs.ts';
import { argTags, exceptionCallbacks, functionTypes } from './func-types.ts';
import { type CodeFunction, type Linked, Linker, type Placed } from './link.ts';
import { localStructs } from './local-structs.ts';
import { originsOf } from './origins.ts';
import { dataMapName, isLegacyMaps, readMaps } from './read-maps.ts';
import type { LoadTarget } from './target.ts';

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
  private readonly tags: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly funcAt = new Map<string, ReadonlyMap<number, ExtFunc>>();
  private readonly sortedLines = new Map<string, readonly ExtLine[]>();

  constructor(btf: Btf | null, ext: BtfExt | null) {
    this.btf = btf;
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
      return {
        name: func.name,
        start,
        linkage: 'global',
        ...(types?.args ? { args: [{ kind: 'ctx' }], returns: 'scalar' } : {}),
        ...(types?.unfit ? { unfit: types.unfit } : {}),
      };
    // Only what BTF calls global is checked apart from its callers; libbpf makes hidden functions static.
    if (!types?.isGlobal || !func.isVisible) {
      const known = types ? (types.returns === 'void' ? { returns: 'void' as const } : {}) : { untyped: true };
      return { name: func.name, start, linkage: 'static', ...known };
    }
    return {
      name: func.name,
      start,
      linkage: 'global',
      args: types.args,
      returns: types.returns,
      ...(types.unfit ? { unfit: types.unfit } : {}),
    };
  }

  /** What the main function's declaration tags name as its exception callback. */
  exceptionCallbacks(func: CodeFunction): readonly string[] {
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
 * Reads a BPF object: what {@link writeObject} writes, and what clang 16–19 writes. Calls are linked, maps numbered and, where `target`
 * says what the running kernel is, its types, symbols and configuration put in as libbpf does, so that instructions and their indices are
 * those that the kernel sees. A program that a loader refuses says so (`Program.unloadable`). Throws {@link InputError} for files that are
 * no BPF objects or are damaged.
 */
export function readObject(bytes: Uint8Array, fileName: string, target: LoadTarget | null = null): ObjectFile {
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
  const objection = (btf && target?.refusesTypes(btf)) ?? null;
  if (objection !== null) warn(`the kernel refuses the object's types, and libbpf loads it without them: ${objection}`);
  const debug = new DebugInfo(btf, objection === null ? ext : null);
  const license = new TextDecoder().decode(sectionNamed('license')?.bytes ?? new Uint8Array()).replace(/\0.*$/s, '');
  const read = readMaps(elf, btf, fileName, warnings, objection === null);
  const externs = resolveExterns(elf, btf, dataMapName('.kconfig', fileName), target);
  const maps = externs.configMap ? [...read.maps, externs.configMap] : read.maps;
  const coreCount = [...(ext?.core.values() ?? [])].reduce((sum, list) => sum + list.length, 0);
  const kernel = coreCount > 0 ? (target?.coreBtf?.() ?? target?.btf() ?? null) : null;
  const linker = new Linker(elf, read, fileName, warn, {
    externs: externs.bySymbol,
    configMap: externs.configMap ? read.maps.length : -1,
    core: ext?.core ?? new Map(),
    resolver: btf && kernel ? new CoreResolver(btf, kernel) : null,
  });
  const entries = entriesOf(linker.functions);
  if (entries.length === 0) throw new InputError('the object holds no program', fileName);
  if (coreCount > 0 && !kernel) {
    warn(`${coreCount} CO-RE relocations are unresolved: field offsets are those of the compiler's headers, not of a running kernel`);
  }
  const legacy = target && elf.sections.find((section) => isLegacyMaps(section) && section.size > 0);
  if (legacy) warn(`maps are defined in section ${legacy.name}: libbpf 1.0 and later refuses the object, loaders before it and tc load it`);
  // Found by trying: 1.1 makes maps of `.bss` alone among the zeroed sections, 1.5 of these too.
  if (target && elf.sections.some(({ name, size }) => name.startsWith('.bss.') && size > 0))
    warn('a section .bss.NAME needs libbpf 1.5 or later: 1.1 loads only .bss and .data.NAME');
  const empty = target ? read.maps.filter(lacksEntries).map(({ name }) => name) : [];
  if (empty.length > 0)
    warn(
      `no number of entries is given for ${empty.join(', ')}: Linux makes no such map, so user space has to set one before it loads the object`,
    );
  const hasOperations = elf.sections.some(({ name }) => name.startsWith('.struct_ops'));
  const operations = readOperations(elf, btf, hasOperations ? (target?.btf() ?? null) : null);
  const meta = parseMeta(elf, warnings);
  let structs: ReadonlyMap<number, LocalStruct> | undefined;
  const structsOf = btf && (() => (structs ??= localStructs(btf)));
  const about: AboutObject = {
    license,
    maps,
    meta: entries.length === 1 ? meta : undefined,
    structs: structsOf,
    target,
    operations,
    refusal: externs.refusal ?? operations.refusal,
    warn,
  };
  // A mistake in one program is none of the others'; when none is without, the file is unusable.
  let failure: unknown;
  let linkable = 0;
  const programs = entries.map((entry) => {
    try {
      const linked = linker.link(entry, debug.exceptionCallbacks(entry));
      linkable++;
      return toProgram(entry, linked, debug, about);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failure ??= error;
      return toProgram(entry, linker.alone(entry), debug, { ...about, refusal: about.refusal ?? error.message });
    }
  });
  if (linkable === 0) throw failure;
  return { fileName, programs, maps, btf, ...(meta === undefined ? {} : { meta }), license, warnings };
}

/** What all programs of an object share. */
interface AboutObject {
  readonly license: string;
  readonly maps: readonly MapDef[];
  readonly meta: unknown;
  readonly structs: (() => ReadonlyMap<number, LocalStruct>) | null;
  readonly target: LoadTarget | null;
  readonly operations: Operations;
  readonly refusal: string | null;
  readonly warn: (message: string) => void;
}

/** Functions that deal in objects which the program allocates. */
const ALLOCATES = /^bpf_((percpu_)?obj_(new|drop)_impl|list_|rbtree_|refcount_)/;
const KPTR_XCHG = 194;
const TRACING = 26;
const LSM = 29;
const isKptrExchange = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === 0 && insn.imm === KPTR_XCHG;

/** Perf event arrays get their number from libbpf; local storage of cgroups, sockets, inodes and tasks, and operations, have none. */
const NEEDS_NO_ENTRIES = new Set([4, 19, 21, 24, 26, 28, 29, 32]);
const lacksEntries = ({ type, maxEntries }: MapDef): boolean => maxEntries === 0 && !NEEDS_NO_ENTRIES.has(type);

function toProgram(entry: CodeFunction, linked: Linked, debug: DebugInfo, object: AboutObject): Program {
  const section = entry.section.name;
  const type = sectionType(section);
  if (!type && ACCEL_SECTION.test(section))
    object.warn(`section ${section} names no hook of the accelerator, which has ${ACCEL_HOOKS.join(', ')}`);
  else if (!type) object.warn(`section ${section} names no program type that libbpf knows`);
  else if (!type.exact)
    object.warn(`section ${section} is taken for ${section.replace(/[/_].*$/s, '')}; libbpf 1.0 and later refuses the name`);
  const progType = type?.progType ?? 0;
  const attachType = type?.expectedAttachType ?? 0;
  const operation = isStructOps(progType) ? object.operations.byFunction.get(functionKey(entry.section, entry.start)) : undefined;
  const attachTo = operation?.struct ?? (isStructOps(progType) ? undefined : attachName(section));
  const kernel = progType === TRACING || progType === LSM ? (object.target?.btf() ?? null) : null;
  const unloadable =
    object.refusal ??
    (object.target &&
      (type ? attachProblem(progType, attachType, attachTo, kernel) : `section ${section} names no program type that libbpf knows`));
  const origins = originsOf(object.meta, linked.insns.length);
  const callbacks = debug.exceptionCallbacks(entry);
  const allocates = [...linked.kfuncCalls.values()].some((name) => ALLOCATES.test(name)) || linked.insns.some(isKptrExchange);
  return {
    name: entry.name,
    section,
    progType,
    expectedAttachType: operation?.member ?? attachType,
    ...(attachTo === undefined ? {} : { attachTo }),
    ...(unloadable ? { unloadable } : {}),
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
