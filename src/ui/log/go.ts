import { type LogView, runOf } from '../../workbench/log-views.ts';
import { select } from '../../workbench/store.ts';
import { setCursor } from './log-store.ts';

/** Puts the cursor on a line, and selects its instruction where it belongs to the run on show. */
export function goToLine(log: LogView, line: number): void {
  if (line < 0) return;
  setCursor(log.key, line);
  const { from, to } = runOf(log);
  const insn = log.insn[line] ?? -1;
  if (insn >= 0 && line >= from && line < to) select('insn', insn);
}
