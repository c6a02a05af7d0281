import { encodeInsns } from '../../bpf/insn.ts';
import { collectJumps } from '../../bpf/jumps.ts';
import { mapTypeName } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { PROG_TYPE_SYSCALL } from '../../bpf/progtypes.ts';
import type { Compiled, ProgramMeta } from '../../compiler/api.ts';
import { type IrMap, OWN } from '../../compiler/ir/numbered.ts';
import type { ProgramSpec } from '../clients.ts';
import { lineColumns, rowColumns } from '../columns.ts';
import { changedLines } from '../diff.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { HunkView, IntegersView, ProgramView } from '../views.ts';
import { bytesOf, Recent } from './blobs.ts';
import { compileModel } from './build.ts';
import type { Forked } from './fork.ts';

/** A program and what is known about how it came to be. */
export interface Built {
  readonly program: Program;
  /** Of a compiled model; null for programs that came as objects or assembly. */
  readonly compiled: Compiled | null;
  /** What the compiler wrote about inputs, outputs and binding; null for foreign programs. */
  readonly meta: ProgramMeta | null;
  /** Programs of the object that it came from; empty for others. */
  readonly siblings: ProgramView['siblings'];
}

/** A program with what it was forked from. */
export interface Held extends Built, Pick<Forked, 'hunks' | 'insnHunks'> {
  readonly base: Built;
}

/** What edits start from, by what it was made of; and what the page calls by key. */
const bases = new Recent<Built>(3);
const programs = new Recent<Held>(4);

/** The program that `spec` describes, built unless this worker still has it. What reads objects and assembly is fetched when they come. */
export async function heldProgram(spec: ProgramSpec, context: CallContext): Promise<Held> {
  const known = programs.get(spec.key);
  if (known) return known;
  const base = await builtBase(spec, context);
  if (!spec.fork) return programs.set(spec.key, { ...base, base, hunks: [], insnHunks: [] });
  const { forked } = await import('./fork.ts');
  const fork = forked(base.program, new TextDecoder().decode(bytesOf(spec.fork)), spec.fork.name);
  return programs.set(spec.key, { ...base, ...fork, base });
}

async function builtBase({ from, options }: ProgramSpec, context: CallContext): Promise<Built> {
  const key = JSON.stringify([
    from.kind === 'model'
      ? [from.model.key, from.calibration, from.binding, options]
      : [from.kind, from.blob.hash, from.kind === 'object' ? from.program : ''],
  ]);
  const known = bases.get(key);
  if (known) return known;
  if (from.kind !== 'model') {
    const { readProgram } = await import('./read-program.ts');
    return bases.set(key, { ...readProgram(from.kind, from.blob, from.kind === 'object' ? from.program : undefined), compiled: null });
  }
  const compiled = await compileModel(from, options, context);
  return bases.set(key, { program: compiled.program, compiled, meta: compiled.meta, siblings: [] });
}

export async function programView({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<Transferred<ProgramView>> {
  const held = await heldProgram(spec, context);
  return viewOf(spec, held, changedLines(held.hunks));
}

function viewOf(spec: ProgramSpec, { program, compiled, meta, insnHunks, siblings }: Held, changes: number): Transferred<ProgramView> {
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
    siblings,
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
    ...(meta?.decoder && program.progType === PROG_TYPE_SYSCALL ? { writesText: true } : {}),
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
    const { elem, scale, max, rows } = tensors.buffers[buffer]!;
    return { name, elem, scale: scale * gain, max, shares: rows?.inner?.shares === true };
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
