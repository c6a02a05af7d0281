import type { ProgramView } from './views.ts';

/**
 * Instructions where the code of an operator is entered: by falling into it, by a jump from elsewhere, or by a call. Of code that it
 * shares with others, only what it shares with fewest counts, and a function that is called from there is entered there.
 */
export function nodeEntries(program: ProgramView, node: number): number[] {
  const { origins, originStart, originIdx, jumps, subprogs } = program;
  const count = program.code.length / 8;
  const served = (insn: number): number => {
    const own = new Set<number>();
    for (let at = originStart[insn]!; at < originStart[insn + 1]!; at++) {
      const origin = origins[originIdx[at]!]!;
      if (origin.kind === 'node') own.add(origin.nodeIdx);
    }
    return own.has(node) ? own.size : 0;
  };
  const sizes = Uint16Array.from({ length: count }, (_, insn) => served(insn));
  const fewest = sizes.reduce((least, size) => (size > 0 && size < least ? size : least), 0xffff);
  const mine = (insn: number): boolean => sizes[insn] === fewest;
  const starts = new Set(subprogs.map(({ start }) => start));
  const entries = new Set<number>();
  for (let insn = 0; insn < count; insn++) if (mine(insn) && (starts.has(insn) || !mine(insn - 1))) entries.add(insn);
  jumps.to.forEach((to, at) => {
    if (mine(to) && !mine(jumps.from[at]!)) entries.add(to);
  });
  const sorted = [...entries].sort((a, b) => a - b);
  const within = sorted.filter((insn) => !starts.has(insn));
  return within.length > 0 ? within : sorted;
}
