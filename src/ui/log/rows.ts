import { LINE } from '../../verifier/logfile/lines.ts';
import type { LogView } from '../../workbench/log-views.ts';

/** Which lines are shown: all, those that match, or all with runs of notes folded into their first. */
export interface RowChoice {
  readonly fold: boolean;
  /** First lines of runs that are shown in spite of folding. */
  readonly opened: ReadonlySet<number>;
  /** Only these; null for all. */
  readonly only: Uint32Array | null;
}

const isNote = (kind: number): boolean => kind === LINE.precision || kind === LINE.liveness;

/** Shortest run that is folded: one line takes no more room than a fold. */
const LEAST_RUN = 2;

/** Line behind the run of notes that begins at `line`. */
function runEnd(kind: Uint8Array, line: number): number {
  let end = line;
  while (end < kind.length && isNote(kind[end]!)) end++;
  return end;
}

/** The lines in view order, as one column. */
export function visibleLines(log: Pick<LogView, 'kind' | 'lines'>, { fold, opened, only }: RowChoice): Uint32Array {
  if (only) return only;
  const rows = new Uint32Array(log.lines);
  let length = 0;
  for (let line = 0; line < log.lines; line++) {
    rows[length++] = line;
    if (!fold || !isNote(log.kind[line]!)) continue;
    const end = runEnd(log.kind, line);
    if (end - line < LEAST_RUN || opened.has(line)) for (let at = line + 1; at < end; at++) rows[length++] = at;
    line = end - 1;
  }
  return rows.subarray(0, length);
}

/** How many lines are folded into this one; 0 for a line that stands for itself. */
export function foldedAt(log: Pick<LogView, 'kind'>, line: number, { fold, opened, only }: RowChoice): number {
  if (!fold || only || !isNote(log.kind[line]!) || opened.has(line) || (line > 0 && isNote(log.kind[line - 1]!))) return 0;
  const lines = runEnd(log.kind, line) - line;
  return lines < LEAST_RUN ? 0 : lines;
}

/** Row of a line, or of the last one shown before it; -1 where none is. */
export function rowOfLine(rows: Uint32Array, line: number): number {
  let low = 0;
  let high = rows.length - 1;
  let found = -1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    if (rows[mid]! <= line) {
      found = mid;
      low = mid + 1;
    } else high = mid - 1;
  }
  return found;
}

/** Which visit of its instruction a line is about, from 0, and how many there are; null for a line about none. */
export function visitOf(
  log: Pick<LogView, 'insn' | 'visitStart' | 'visitLine' | 'runs' | 'run'>,
  line: number,
): { insn: number; at: number; visits: number } | null {
  const insn = log.insn[line] ?? -1;
  const { from, to } = log.runs[log.run]!;
  if (insn < 0 || insn + 1 >= log.visitStart.length || line < from || line >= to) return null;
  const lines = log.visitLine.subarray(log.visitStart[insn]!, log.visitStart[insn + 1]!);
  return lines.length === 0 ? null : { insn, at: Math.max(0, rowOfLine(lines, line)), visits: lines.length };
}

/** The line of a visit of an instruction; -1 where there is none. */
export function lineOfVisit(log: Pick<LogView, 'visitStart' | 'visitLine'>, insn: number, at: number): number {
  const from = log.visitStart[insn];
  const to = log.visitStart[insn + 1];
  if (from === undefined || to === undefined || at < 0 || from + at >= to) return -1;
  return log.visitLine[from + at]!;
}

/** The visit of an instruction that is next to a line: the last one up to it, else the first. */
export function nearestVisit(log: Pick<LogView, 'visitStart' | 'visitLine'>, insn: number, line: number): number {
  const from = log.visitStart[insn];
  const to = log.visitStart[insn + 1];
  if (from === undefined || to === undefined || from === to) return -1;
  const lines = log.visitLine.subarray(from, to);
  return lines[Math.max(0, rowOfLine(lines, line))]!;
}
