import { InputError } from '../base/errors.ts';
import { secondSlots } from '../bpf/functions.ts';
import {
  encodeInsns,
  isFuncAddress,
  isPseudoCall,
  OP_CALL,
  OP_LDDW,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
} from '../bpf/insn.ts';
import type { InsnIdx, MapDef, Program } from '../bpf/program.ts';
import { BtfBuilder } from './btf.ts';
import { type ExtFunc, type ExtLine, type ExtSection, encodeBtfExt } from './btf-ext.ts';
import {
  R_BPF_64_32,
  R_BPF_64_64,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  STT_OBJECT,
  STT_SECTION,
} from './elf.ts';
import { ElfBuilder } from './elf-builder.ts';
import { inLinkOrder } from './link-order.ts';
import { writeMaps } from './map-section.ts';
import { toOriginRuns } from './origins.ts';
import { addFunctions, addLines, CommonTypes, identifier } from './program-btf.ts';

export interface WriteOptions {
  /** JSON kept in `.debug_bpformer`, a section that libbpf ignores without a warning. */
  readonly meta?: unknown;
  /** Names of functions that get hidden symbols: other objects that are linked with this one see them, nobody else does. */
  readonly hidden?: readonly string[];
}

/** A function to be placed: a piece of one program's code and where it goes. */
interface Piece {
  readonly program: Program;
  readonly start: InsnIdx;
  readonly end: InsnIdx;
  readonly isEntry: boolean;
  readonly isGlobal: boolean;
  readonly name: string;
  readonly section: string;
  /** Slot in its section. */
  readonly sectionIdx: InsnIdx;
}

const TEXT = '.text';

/** Maps of all programs, each once. */
function mergeMaps(programs: readonly Program[]): MapDef[] {
  const byName = new Map<string, MapDef>();
  for (const map of programs.flatMap((program) => program.maps)) {
    const other = byName.get(map.name);
    if (!other) byName.set(map.name, map);
    else if (other !== map && fingerprint(other) !== fingerprint(map)) {
      throw new InputError(`two programs define map ${map.name} differently`, '', 'rename one of them');
    }
  }
  return [...byName.values()];
}

const fingerprint = (map: MapDef): string => JSON.stringify({ ...map, data: map.data && [...map.data] });

/**
 * Main functions go to their program's section; all others to `.text`: libbpf takes every function outside `.text` for a
 * program of its own, and refuses static ones there.
 */
function place(programs: readonly Program[]): Piece[] {
  const pieces: Piece[] = [];
  const sizes = new Map<string, number>();
  const names = new Set<string>();
  const unique = (wanted: string, isEntry: boolean): string => {
    const name = identifier(wanted);
    let free = name;
    for (let n = 2; names.has(free); n++) {
      if (isEntry) throw new InputError(`two programs are called ${name}`, '', 'rename one of them');
      free = `${name}__${n}`;
    }
    names.add(free);
    return free;
  };
  for (const isEntry of [true, false]) {
    for (const program of programs) {
      program.subprogs.forEach((func, at) => {
        if ((at === 0) !== isEntry) return;
        const end = program.subprogs[at + 1]?.start ?? program.insns.length;
        const section = isEntry ? program.section : TEXT;
        const sectionIdx = sizes.get(section) ?? 0;
        sizes.set(section, sectionIdx + end - func.start);
        const name = unique(isEntry ? program.name : func.name, isEntry);
        pieces.push({
          program,
          start: func.start,
          end,
          isEntry,
          isGlobal: isEntry || func.linkage === 'global',
          name,
          section,
          sectionIdx,
        });
      });
    }
  }
  return pieces;
}

class ObjectWriter {
  private readonly elf = new ElfBuilder();
  private readonly builder = new BtfBuilder();
  private readonly types = new CommonTypes(this.builder);
  private readonly pieces: readonly Piece[];
  private readonly sectionIdx = new Map<string, number>();
  private readonly textSymbol: number;
  private readonly pieceSymbols = new Map<Piece, number>();
  private readonly mapSymbols: Map<string, number>;

  constructor(programs: readonly Program[], maps: readonly MapDef[], { meta, hidden }: WriteOptions) {
    this.pieces = place(programs);
    const hasText = this.pieces.some((piece) => piece.section === TEXT);
    if (hasText) this.addSection(TEXT);
    for (const piece of this.pieces) if (!this.sectionIdx.has(piece.section)) this.addSection(piece.section);
    this.textSymbol = hasText
      ? this.elf.symbol({ name: '', section: this.sectionIdx.get(TEXT)!, value: 0, size: 0, type: STT_SECTION, bind: STB_LOCAL })
      : -1;
    for (const piece of this.pieces) {
      const where = { section: this.sectionIdx.get(piece.section)!, value: piece.sectionIdx * 8, size: (piece.end - piece.start) * 8 };
      this.pieceSymbols.set(
        piece,
        this.elf.symbol({
          name: piece.name,
          ...where,
          type: STT_FUNC,
          bind: piece.isGlobal ? STB_GLOBAL : STB_LOCAL,
          hidden: hidden?.includes(piece.name) === true,
        }),
      );
    }
    this.writeLicense(programs[0]!.license);
    this.mapSymbols = writeMaps(this.elf, this.types, maps);
    for (const program of programs) this.relocate(program);
    this.writeDebugInfo(programs);
    if (meta !== undefined) this.elf.section('.debug_bpformer', { bytes: new TextEncoder().encode(JSON.stringify(meta)) });
  }

  build(): Uint8Array {
    return this.elf.build();
  }

  private addSection(name: string): void {
    const size = this.pieces.reduce((sum, piece) => sum + (piece.section === name ? piece.end - piece.start : 0), 0);
    this.sectionIdx.set(name, this.elf.section(name, { bytes: new Uint8Array(size * 8), flags: SHF_ALLOC | SHF_EXECINSTR, align: 8 }));
  }

  private writeLicense(license: string): void {
    const bytes = new TextEncoder().encode(`${license}\0`);
    const section = this.elf.section('license', { bytes, flags: SHF_ALLOC | SHF_WRITE });
    this.elf.symbol({ name: '_license', section, value: 0, size: bytes.length, type: STT_OBJECT, bind: STB_GLOBAL });
  }

  /** Puts the program's code into its sections, with relocations where libbpf fills in maps and calls. */
  private relocate(program: Program): void {
    const pieces = this.pieces.filter((piece) => piece.program === program);
    const pieceAt = new Map(pieces.map((piece) => [piece.start, piece]));
    const second = secondSlots(program.insns);
    const code = encodeInsns(program.insns);
    const view = new DataView(code.buffer);
    for (const piece of pieces) {
      const section = this.sectionIdx.get(piece.section)!;
      for (let idx = piece.start; idx < piece.end; idx++) {
        if (second[idx]) continue;
        const insn = program.insns[idx]!;
        const setSrc = (src: number): void => view.setUint8(idx * 8 + 1, insn.dst | (src << 4));
        const setImm = (imm: number): void => view.setInt32(idx * 8 + 4, imm, true);
        const at = (piece.sectionIdx + idx - piece.start) * 8;
        if (insn.opcode === OP_LDDW && (insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE)) {
          const symbol = this.mapSymbols.get(program.maps[insn.imm]?.name ?? '');
          if (symbol === undefined)
            throw new InputError(`instruction ${idx} names map ${insn.imm}, which the program does not have`, program.name);
          setSrc(0);
          setImm(insn.src === PSEUDO_MAP_VALUE ? program.insns[idx + 1]!.imm : 0);
          view.setInt32(idx * 8 + 12, 0, true);
          this.elf.relocation(section, at, R_BPF_64_64, symbol);
        } else if (isPseudoCall(insn) || isFuncAddress(insn)) {
          const callee = pieceAt.get(idx + 1 + insn.imm);
          if (!callee || callee.isEntry) throw new InputError(`instruction ${idx} calls no function of the program`, program.name);
          const isCall = isPseudoCall(insn);
          // Global functions are named; static ones are found by their place in .text.
          if (callee.isGlobal) setImm(isCall ? -1 : 0);
          else setImm(isCall ? callee.sectionIdx - 1 : callee.sectionIdx * 8);
          const symbol = callee.isGlobal ? this.pieceSymbols.get(callee)! : this.textSymbol;
          this.elf.relocation(section, at, isCall ? R_BPF_64_32 : R_BPF_64_64, symbol);
        } else if (insn.opcode === OP_CALL && insn.src === PSEUDO_KFUNC_CALL) {
          const name = program.kfuncCalls.get(idx) ?? `number ${insn.imm}`;
          throw new InputError(`instruction ${idx} calls kernel function ${name}; objects with such calls cannot be written`, program.name);
        }
      }
      this.elf.fill(section, piece.sectionIdx * 8, code.subarray(piece.start * 8, piece.end * 8));
    }
  }

  private writeDebugInfo(programs: readonly Program[]): void {
    const funcs = new Map<string, ExtFunc[]>();
    const lines = new Map<string, ExtLine[]>();
    for (const program of programs) {
      const pieces = this.pieces.filter((piece) => piece.program === program);
      const named = { ...program, subprogs: program.subprogs.map((func, at) => ({ ...func, name: pieces[at]!.name })) };
      const funcRecords = addFunctions(this.types, named);
      const lineRecords = addLines(this.builder, named);
      let next = 0;
      pieces.forEach((piece, at) => {
        const byteOff = (idx: InsnIdx): number => (piece.sectionIdx + idx - piece.start) * 8;
        const push = <T>(table: Map<string, T[]>, record: T): void => {
          const list = table.get(piece.section);
          if (list) list.push(record);
          else table.set(piece.section, [record]);
        };
        push(funcs, { byteOff: byteOff(piece.start), typeId: funcRecords[at]!.typeId });
        for (; next < lineRecords.length && lineRecords[next]!.insnIdx < piece.end; next++) {
          const { insnIdx, ...record } = lineRecords[next]!;
          push(lines, { ...record, byteOff: byteOff(insnIdx) });
        }
      });
    }
    const sections = <T>(table: Map<string, T[]>): ExtSection<T>[] =>
      [...table].map(([name, records]) => ({ section: this.builder.string(name), records }));
    const ext = encodeBtfExt(sections(funcs), sections(lines));
    this.elf.section('.BTF', { bytes: this.builder.encode(), align: 4 });
    this.elf.section('.BTF.ext', { bytes: ext, align: 4 });
  }
}

/** Metadata with the origins of the program as it is written. */
function withOrigins(meta: unknown, program: Program): unknown {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta) || program.origins.length === 0) return meta;
  return { ...meta, origins: program.origins, originRuns: toOriginRuns(program.insnOrigins) };
}

/**
 * A relocatable ELF object that libbpf, bpftool and cilium/ebpf load. Functions are written in the order in which libbpf links
 * them ({@link inLinkOrder}). Names of functions that several programs use get a number (`dot__2`).
 */
export function writeObject(programOrPrograms: Program | readonly Program[], options: WriteOptions = {}): Uint8Array {
  const given = Array.isArray(programOrPrograms) ? (programOrPrograms as readonly Program[]) : [programOrPrograms as Program];
  if (given.length === 0) throw new InputError('there is no program to write');
  const programs = given.map(inLinkOrder);
  for (const program of programs) {
    if (program.license !== programs[0]!.license)
      throw new InputError(`programs under two licences (${programs[0]!.license}, ${program.license}) cannot share an object`);
    if (program.insns.length === 0 || program.subprogs[0]?.start !== 0)
      throw new InputError('a program needs code and a function at instruction 0', program.name);
  }
  return new ObjectWriter(programs, mergeMaps(programs), { ...options, meta: withOrigins(options.meta, programs[0]!) }).build();
}
