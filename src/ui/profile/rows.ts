import { textAt } from '../../workbench/columns.ts';
import type { ProfileView } from '../../workbench/machine-views.ts';
import type { ProgramView } from '../../workbench/views.ts';

/** Executed instructions of a part of the program. */
export interface ProfileRow {
  readonly name: string;
  readonly executed: number;
  /** Instruction that stands for it; -1 where none does. */
  readonly insn: number;
  /** ONNX node; -1 for others. */
  readonly node: number;
  readonly calls: number | null;
}

const bySize = (a: ProfileRow, b: ProfileRow): number => b.executed - a.executed || a.insn - b.insn;

/** By what the code serves: operators, lines of C, the binding. */
export function originRows(program: ProgramView, profile: ProfileView, unclaimed: string): ProfileRow[] {
  const rows = program.origins.map(({ kind, nodeIdx, label }, at): ProfileRow => {
    const node = kind === 'node' ? nodeIdx : -1;
    return { name: label, executed: profile.byOrigin[at]!, insn: -1, node, calls: null };
  });
  if (profile.unclaimed > 0) rows.push({ name: unclaimed, executed: profile.unclaimed, insn: -1, node: -1, calls: null });
  return rows.filter(({ executed }) => executed > 0).sort(bySize);
}

/** By function, each without those that it calls. */
export function functionRows({ subprogs, code }: ProgramView, { counts }: ProfileView): ProfileRow[] {
  return subprogs
    .map(({ name, start }, at): ProfileRow => {
      const end = subprogs[at + 1]?.start ?? code.length / 8;
      return { name, executed: sum(counts, start, end), insn: start, node: -1, calls: counts[start]! };
    })
    .sort(bySize);
}

/** By line of source, as line info has them; the same line at several places is one. */
export function lineRows({ lines, code }: ProgramView, { counts }: ProfileView): ProfileRow[] {
  const byPlace = new Map<string, ProfileRow>();
  lines.insn.forEach((insn, at) => {
    const executed = sum(counts, insn, lines.insn[at + 1] ?? code.length / 8);
    const file = lines.files[lines.file[at]!] ?? '';
    const name = `${textAt(lines.text, at).trim()}${file === '' || /\.onnx$/i.test(file) ? '' : `  ${file.replace(/^.*\//, '')}:${lines.line[at]}`}`;
    const known = byPlace.get(name);
    byPlace.set(name, known ? { ...known, executed: known.executed + executed } : { name, executed, insn, node: -1, calls: null });
  });
  return [...byPlace.values()].filter(({ executed }) => executed > 0).sort(bySize);
}

function sum(counts: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let insn = from; insn < to; insn++) total += counts[insn]!;
  return total;
}

export interface BranchRow {
  readonly insn: number;
  readonly taken: number;
  readonly fell: number;
}

const JUMPS = 0x05;
const JUMPS_32 = 0x06;

/** Every conditional branch and how often it went either way, in the order of the text. */
export function branchRows({ code }: ProgramView, { counts, taken }: ProfileView): BranchRow[] {
  const rows: BranchRow[] = [];
  for (let insn = 0; insn < code.length / 8; insn++) {
    const opcode = code[insn * 8]!;
    const cls = opcode & 7;
    const operation = opcode & 0xf0;
    if ((cls !== JUMPS && cls !== JUMPS_32) || operation === 0x00 || operation === 0x80 || operation === 0x90) continue;
    rows.push({ insn, taken: taken[insn]!, fell: counts[insn]! - taken[insn]! });
  }
  return rows;
}

/** A field of a CSV file (RFC 4180). */
const field = (value: string | number): string => (typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`);

/** The profile by instruction, for spreadsheets: a line for each that ran. */
export function profileCsv(program: ProgramView, profile: ProfileView, textOf: (insn: number) => string): string {
  const branches = new Map(branchRows(program, profile).map((row) => [row.insn, row]));
  const lines = ['insn,function,text,executed,jumped,went_on'];
  let func = -1;
  profile.counts.forEach((executed, insn) => {
    while (func + 1 < program.subprogs.length && program.subprogs[func + 1]!.start <= insn) func++;
    if (executed === 0) return;
    const branch = branches.get(insn);
    const fields = [insn, program.subprogs[func]?.name ?? '', textOf(insn), executed, branch?.taken ?? '', branch?.fell ?? ''];
    lines.push(fields.map((value) => (value === '' ? '' : field(value))).join(','));
  });
  return `${lines.join('\r\n')}\r\n`;
}

/** The whole profile. */
export function profileJson(program: ProgramView, profile: ProfileView): string {
  const { events, from, faults, executed, nsPerEvent, timedRuns, engine, loops, unclaimed, divided } = profile;
  const counts = Object.fromEntries([...profile.counts].flatMap((n, insn) => (n > 0 ? [[insn, n]] : [])));
  return JSON.stringify(
    {
      program: program.name,
      firstEvent: from,
      events,
      faults,
      executed,
      unclaimed,
      dividedEvenly: divided,
      time: { nsPerEvent, runs: timedRuns, engine, ofParts: 'apportioned by executed instructions' },
      origins: program.origins.map(({ kind, label }, at) => ({ kind, label, executed: profile.byOrigin[at] })),
      functions: functionRows(program, profile).map(({ name, insn, executed: n, calls }) => ({ name, insn, executed: n, calls })),
      loops,
      branches: branchRows(program, profile),
      executedByInsn: counts,
    },
    null,
    1,
  );
}
