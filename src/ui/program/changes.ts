import type { HunkView, ProgramView } from '../../workbench/views.ts';

/** How an instruction of a fork differs from the compiled program; `removed`: something stood before it. */
export type Change = 'added' | 'changed' | 'removed';

export const CHANGE_GLYPHS: Readonly<Record<Change, string>> = { added: '+', changed: '~', removed: '−' };

export function hunkAt({ hunks }: Pick<ProgramView, 'hunks'>, insn: number): HunkView | null {
  let low = 0;
  let high = hunks.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (hunks[mid]!.from <= insn) low = mid + 1;
    else high = mid;
  }
  const hunk = hunks[low - 1];
  return hunk && (insn < hunk.to || (hunk.from === hunk.to && insn === hunk.from)) ? hunk : null;
}

export function changeAt(program: Pick<ProgramView, 'hunks'>, insn: number): Change | null {
  const hunk = hunkAt(program, insn);
  if (!hunk) return null;
  if (hunk.from === hunk.to) return 'removed';
  return hunk.baseFrom === hunk.baseTo ? 'added' : 'changed';
}

/** The first instruction of the change after (1) or before (-1) `insn`, going round; -1 without changes. */
export function nextChange({ hunks, code }: Pick<ProgramView, 'hunks' | 'code'>, insn: number, by: 1 | -1): number {
  if (hunks.length === 0) return -1;
  const starts = hunks.map((hunk) => Math.min(hunk.from, code.length / 8 - 1));
  if (by === 1) return starts.find((start) => start > insn) ?? starts[0]!;
  return starts.findLast((start) => start < insn) ?? starts.at(-1)!;
}
