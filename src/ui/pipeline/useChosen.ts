import { useMemo } from 'react';
import { useRelations } from '../../workbench/current-relations.ts';
import { type Range, united } from '../../workbench/ranges.ts';
import type { Selection } from '../../workbench/selection.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';

/** The selection with all that belongs to it. */
export interface Chosen {
  readonly selection: Selection | null;
  readonly nodes: readonly Range[];
  readonly insns: readonly Range[];
  readonly ir: readonly Range[];
}

export function useChosen(): Chosen {
  const selection = useWorkbench((state) => state.selection);
  const { nodes, insns, ir } = useRelations();
  return useMemo(() => {
    const with_ = (ranges: readonly Range[], kind: Selection['kind']): readonly Range[] =>
      selection?.kind === kind ? united([...ranges, [Number(selection.id), Number(selection.id) + 1]]) : ranges;
    return { selection, nodes: with_(nodes, 'node'), insns: with_(insns, 'insn'), ir: with_(ir, 'ir') };
  }, [selection, nodes, insns, ir]);
}

/** How many of the chosen instructions each function of a program has. */
export function sharesOf({ subprogs, code }: ProgramView, insns: readonly Range[]): Uint32Array {
  return Uint32Array.from(subprogs, ({ start }, at) => {
    const end = subprogs[at + 1]?.start ?? code.length / 8;
    return insns.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)), 0);
  });
}

/** The place of the largest; -1 where all are zero. */
export function largest(values: ArrayLike<number>): number {
  let best = -1;
  for (let at = 0; at < values.length; at++) if (values[at]! > (best < 0 ? 0 : values[best]!)) best = at;
  return best;
}
