import type { LineColumns } from '../../workbench/views.ts';

const isIn = (lines: LineColumns, at: number, file: string): boolean => lines.files[lines.file[at]!]?.split('/').at(-1) === file;

/** The line of `file` (from 1) that an instruction was made of: that of the last entry at or before it; 0 where it is of another file or none. */
export function lineOf(lines: LineColumns, file: string, insnIdx: number): number {
  let found = -1;
  for (let at = 0; at < lines.insn.length && lines.insn[at]! <= insnIdx; at++) found = at;
  return found >= 0 && isIn(lines, found, file) ? lines.line[found]! : 0;
}

/** The first instruction made of a line of `file`; −1 without one. */
export function firstInsnOf(lines: LineColumns, file: string, line: number): number {
  for (let at = 0; at < lines.insn.length; at++) if (lines.line[at] === line && isIn(lines, at, file)) return lines.insn[at]!;
  return -1;
}
