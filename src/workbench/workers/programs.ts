import { InputError } from '../../base/errors.ts';
import { assemble } from '../../bpf/asm.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import { collectJumps } from '../../bpf/jumps.ts';
import { disassemble, listing } from '../../bpf/listing.ts';
import { mapTypeName } from '../../bpf/maps.ts';
import type { MapDef, OriginIdx, Program } from '../../bpf/program.ts';
import type { Compiled, ProgramMeta } from '../../compiler/api.ts';
import { type IrMap, OWN } from '../../compiler/ir/numbered.ts';
import { writeObject } from '../../object/writer.ts';
import type { ProgramSpec } from '../clients.ts';
import { lineColumns, rowColumns } from '../columns.ts';
import { changedLines, diffLines, type Hunk } from '../diff.ts';
import type { BlobRef } from '../document.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { AssemblyDiagnostic, HunkView, IntegersView, ProgramView } from '../views.ts';
import { bytesOf, Recent } from './blobs.ts';
import { compileModel, readObjectProgram } from './build.ts';

/** A program and what is known about how it came to be. */
export interface Built {
  readonly program: Program;
  /** Of a compiled model; null for programs that came as objects or assembly. */
  readonly compiled: Compiled | null;
  /** What the compiler wrote about inputs, outputs and binding; null for foreign programs. */
  readonly meta: ProgramMeta | null;
}

/** A program with what it was forked from. */
export interface Held extends Built {
  readonly base: Built;
  /** Differences from `base`, in lines of {@link lines} and in instructions. */
  readonly hunks: readonly Hunk[];
  readonly insnHunks: readonly HunkView[];
}

/** What edits start from, by what it was made of; and what the page calls by key. */
const bases = new Recent<Built>(3);
const programs = new Recent<Held>(4);

/** The program that `spec` describes, built unless this worker still has it. */
export function heldProgram(spec: ProgramSpec, context: CallContext): Held {
  const known = programs.get(spec.key);
  if (known) return known;
  const { from, options } = spec;
  const baseKey = JSON.stringify([
    from.kind === 'model' ? [from.model.key, from.calibration, from.binding, options] : [from.kind, from.blob.hash],
  ]);
  const base = bases.get(baseKey) ?? bases.set(baseKey, build(spec, context));
  if (!spec.fork) return programs.set(spec.key, { ...base, base, hunks: [], insnHunks: [] });
  const fork = forked(base.program, new TextDecoder().decode(bytesOf(spec.fork)), spec.fork.name);
  return programs.set(spec.key, { ...base, ...fork, base });
}

function build(spec: ProgramSpec, context: CallContext): Built {
  const { from, options } = spec;
  if (from.kind === 'model') {
    const compiled = compileModel(from, options, context);
    return { program: compiled.program, compiled, meta: compiled.meta };
  }
  if (from.kind === 'object') return { ...readObjectProgram(bytesOf(from.blob), from.blob.name), compiled: null };
  return { program: assembled(new TextDecoder().decode(bytesOf(from.blob)), from.blob.name), compiled: null, meta: null };
}

export function programView({ program: spec }: { program: ProgramSpec }, context: CallContext): Transferred<ProgramView> {
  const held = heldProgram(spec, context);
  return viewOf(spec, held, changedLines(held.hunks));
}

/** Fails where a file holds no program that could be opened. */
export function checkProgram({ kind, blob }: { kind: 'object' | 'assembly'; blob: BlobRef }): void {
  if (kind === 'object') readObjectProgram(bytesOf(blob), blob.name);
  else assembled(new TextDecoder().decode(bytesOf(blob)), blob.name);
}

/** Assembles a text or says where its first mistake is. */
export function assembled(text: string, file: string): Program {
  const { program, diagnostics } = assemble(text);
  if (program) return program;
  const [first] = diagnostics;
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more mistakes)` : '';
  throw new InputError(`${first?.message ?? 'no program'}${more}`, `${file}:${first?.line ?? 1}:${first?.column ?? 1}`);
}

/** Weights are no reading matter: the editor shows maps by their sizes alone. */
export function withoutData(maps: readonly MapDef[]): readonly MapDef[] {
  return maps.map((map) => (map.data ? { ...map, data: new Uint8Array(map.data.length) } : map));
}

/** The text that the editor opens: the whole program with labels, so that inserting a line keeps every jump. */
export function programText({ program: spec }: { program: ProgramSpec }, context: CallContext): string {
  const { program } = heldProgram(spec, context);
  return disassemble({ ...program, maps: withoutData(program.maps) }, { labels: true });
}

/** Instructions as lines without distances, by which edited and original programs are aligned. */
function lines(program: Program): { texts: string[]; insns: number[] } {
  const texts: string[] = [];
  const insns: number[] = [];
  for (const line of listing({ ...program, maps: withoutData(program.maps) }, { source: false })) {
    if (line.insnIdx < 0) continue;
    texts.push(line.text.replace(/\b(goto|gotol|may_goto|call) pc[+-]\d+/, '$1'));
    insns.push(line.insnIdx);
  }
  return { texts, insns };
}

/** The edited text as a program: unchanged lines keep their origins, maps keep their contents. */
function forked(base: Program, text: string, file: string): Pick<Held, 'program' | 'hunks' | 'insnHunks'> {
  const edited = assembled(text, file);
  const before = lines(base);
  const after = lines(edited);
  const hunks = diffLines(before.texts, after.texts);
  const insnOrigins: (readonly OriginIdx[])[] = edited.insns.map(() => []);
  const newIdx = new Map<number, number>();
  let [a, b] = [0, 0];
  const keep = (count: number) => {
    for (let at = 0; at < count; at++) {
      const old = before.insns[a + at]!;
      const now = after.insns[b + at]!;
      newIdx.set(old, now);
      insnOrigins[now] = base.insnOrigins[old] ?? [];
      if (base.insns[old]?.opcode === 0x18 && now + 1 < insnOrigins.length) insnOrigins[now + 1] = base.insnOrigins[old + 1] ?? [];
    }
  };
  for (const hunk of [
    ...hunks,
    { aFrom: before.texts.length, aTo: before.texts.length, bFrom: after.texts.length, bTo: after.texts.length },
  ]) {
    keep(hunk.aFrom - a);
    a = hunk.aTo;
    b = hunk.bTo;
  }
  const maps = edited.maps.map(
    (map) => base.maps.find((old) => old.name === map.name && old.valueSize === map.valueSize && old.type === map.type) ?? map,
  );
  const lineInfo = base.lineInfo.flatMap((line) => {
    const now = newIdx.get(line.insnIdx);
    return now === undefined ? [] : [{ ...line, insnIdx: now }];
  });
  return {
    program: {
      ...edited,
      name: base.name,
      section: base.section,
      progType: base.progType,
      maps,
      lineInfo,
      origins: base.origins,
      insnOrigins,
    },
    hunks,
    insnHunks: hunks.map(({ aFrom, aTo, bFrom, bTo }) => ({
      from: after.insns[bFrom] ?? edited.insns.length,
      to: after.insns[bTo] ?? edited.insns.length,
      baseFrom: before.insns[aFrom] ?? base.insns.length,
      baseTo: before.insns[aTo] ?? base.insns.length,
    })),
  };
}

/** The lines that an edit changed, for the comparison with the compiled program. */
export interface DiffHunk {
  readonly removed: readonly { readonly insn: number; readonly text: string }[];
  readonly added: readonly { readonly insn: number; readonly text: string }[];
}

export function programDiff({ program: spec }: { program: ProgramSpec }, context: CallContext): readonly DiffHunk[] {
  const { program, base, hunks } = heldProgram(spec, context);
  const before = lines(base.program);
  const after = lines(program);
  const part = (side: { texts: string[]; insns: number[] }, from: number, to: number) =>
    side.texts.slice(from, to).map((text, at) => ({ insn: side.insns[from + at]!, text: text.trim() }));
  return hunks.map((hunk) => ({ removed: part(before, hunk.aFrom, hunk.aTo), added: part(after, hunk.bFrom, hunk.bTo) }));
}

export function diagnose({ text }: { text: string }): readonly AssemblyDiagnostic[] {
  return assemble(text).diagnostics.map(({ line, column, message }) => ({ line, column, endColumn: column + 1, message }));
}

/** The ELF object, with what a loader of ours needs beside it. */
export function exportObject({ program: spec }: { program: ProgramSpec }, context: CallContext): Transferred<Uint8Array> {
  const { program, meta } = heldProgram(spec, context);
  const bytes = writeObject(program, meta ? { meta } : {});
  return new Transferred(bytes, [bytes.buffer]);
}

function viewOf(spec: ProgramSpec, { program, compiled, insnHunks }: Held, changes: number): Transferred<ProgramView> {
  const fork = spec.fork !== null;
  const count = program.insns.length;
  const originStart = new Uint32Array(count + 1);
  let total = 0;
  for (let insn = 0; insn < count; insn++) {
    originStart[insn] = total;
    total += program.insnOrigins[insn]?.length ?? 0;
  }
  originStart[count] = total;
  const originIdx = new Uint16Array(total);
  for (let insn = 0; insn < count; insn++) originIdx.set(program.insnOrigins[insn] ?? [], originStart[insn]);
  const code = encodeInsns(program.insns) as Uint8Array<ArrayBuffer>;
  const ir = compiled ? irColumns(compiled.ir, insnHunks, count) : null;
  const lines = lineColumns(program.lineInfo);
  const jumps = collectJumps(code);
  const rows = rowColumns(
    code,
    program.subprogs.map((subprog) => subprog.start),
    lines.insn,
  );
  const view: ProgramView = {
    key: spec.key,
    modelKey: spec.from.kind === 'model' ? spec.from.model.key : '',
    name: program.name,
    section: program.section,
    license: program.license,
    progType: program.progType,
    code,
    subprogs: program.subprogs.map(({ name, start, linkage }) => ({ name, start, linkage })),
    maps: program.maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({
      name,
      type: mapTypeName(type),
      keySize,
      valueSize,
      maxEntries,
    })),
    origins: program.origins.map(({ kind, nodeIdx, label }) => ({ kind, nodeIdx, label })),
    originStart,
    originIdx,
    nodes: compiled && !fork ? compiled.nodes.map(({ index, insns }) => ({ index, insns })) : nodeCounts(program),
    lines,
    jumps,
    rows,
    changes,
    fork,
    ...(compiled ? { integers: integersOf(compiled), ...ir } : {}),
    hunks: insnHunks,
  };
  const { insn, line, file, text } = lines;
  const columns = [code, originStart, originIdx, insn, line, file, text.bytes, text.start, rows.packed, rows.rowOfInsn, rows.head];
  const own = [...columns, jumps.from, jumps.to, jumps.lane, jumps.reach].map((column) => column.buffer as ArrayBuffer);
  if (ir) own.push(ir.irOf.buffer, ir.irHow.buffer, ir.irServes.buffer);
  return new Transferred(view, own);
}

/** An instruction that was edited by hand comes from no operation. */
const EDITED = 3;

/** The operation of each instruction, and why some have none; a fork keeps those of its unchanged instructions. */
function irColumns({ opOf, how }: IrMap, hunks: readonly HunkView[], count: number) {
  const irOf = new Int32Array(count).fill(-1);
  const irHow = new Uint8Array(count).fill(EDITED);
  const irServes = new Int32Array(count).fill(-1);
  let [at, base] = [0, 0];
  for (const hunk of [...hunks, { from: count, to: count, baseFrom: opOf.length, baseTo: opOf.length }]) {
    for (; at < hunk.from; at++, base++) {
      irHow[at] = how[base]!;
      irServes[at] = opOf[base]!;
      if (how[base] === OWN) irOf[at] = opOf[base]!;
    }
    [at, base] = [hunk.to, hunk.baseTo];
  }
  return { irOf, irHow, irServes };
}

function integersOf({ tensors, weights }: Compiled): IntegersView {
  const values = tensors.values.map(({ name, gain, buffer }) => {
    const { elem, scale, max } = tensors.buffers[buffer]!;
    return { name, elem, scale: scale * gain, max };
  });
  return { values, weights };
}

/** Instructions by node of a program that no compiler counted. */
function nodeCounts(program: Program): { index: number; insns: number }[] {
  const counts = new Map<number, number>();
  for (const origins of program.insnOrigins) {
    const nodes = new Set(origins.map((at) => program.origins[at]).flatMap((origin) => (origin?.kind === 'node' ? [origin.nodeIdx] : [])));
    for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return [...counts].map(([index, insns]) => ({ index, insns }));
}
