import { textAt } from '../../workbench/columns.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { shownText } from './decode.ts';
import { gapLength, type ListingRows } from './rows.ts';

/** More rows than this would hold the page up, and no clipboard is the place for them. */
export const MOST_COPIED = 50_000;

/** Rows [from, to] as text, as the kernel's log writes instructions and source lines. */
export function rowsAsText(program: ProgramView, rows: ListingRows, from: number, to: number): string {
  const out: string[] = [];
  for (let row = from; row <= to; row++) {
    const item = rows.at(row);
    if (item.kind === 'insn') out.push(`${item.insn}: ${shownText(program, item.insn)}`);
    else if (item.kind === 'func') out.push(`${program.subprogs[item.at]!.name}:`);
    else if (item.kind === 'gap') out.push(texts.gap(gapLength(program, item.insn)));
    else {
      const { file, files, line, text } = program.lines;
      out.push(`; ${textAt(text, item.at)} @ ${files[file[item.at]!]}:${line[item.at]}`);
    }
  }
  return `${out.join('\n')}\n`;
}
