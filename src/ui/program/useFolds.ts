import { useCallback, useEffect, useMemo, useState } from 'react';
import { announce } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { funcOf, ListingRows } from './rows.ts';

export interface Folds {
  readonly rows: ListingRows;
  readonly allFolded: boolean;
  toggle(func: number): void;
  toggleAll(): void;
}

/** Which functions are folded, by name, so that the next version of the program looks alike; an instruction that is selected unfolds its own. */
export function useFolds(program: ProgramView, cursor: number): Folds {
  const [names, setNames] = useState<ReadonlySet<string>>(new Set());
  const folded = useMemo(() => {
    const at = new Set<number>();
    program.subprogs.forEach(({ name }, func) => {
      if (names.has(name)) at.add(func);
    });
    return at;
  }, [program, names]);
  const rows = useMemo(() => new ListingRows(program, folded), [program, folded]);
  const allFolded = folded.size === program.subprogs.length;

  const toggle = useCallback(
    (func: number) => {
      const name = program.subprogs[func]?.name;
      if (name === undefined) return;
      const next = new Set(names);
      const unfolds = next.delete(name);
      if (!unfolds) next.add(name);
      setNames(next);
      announce(unfolds ? texts.unfolded(name) : texts.folded(name));
    },
    [program, names],
  );
  const toggleAll = useCallback(() => {
    setNames(allFolded ? new Set() : new Set(program.subprogs.map(({ name }) => name)));
  }, [program, allFolded]);

  useEffect(() => {
    const name = cursor >= 0 ? program.subprogs[funcOf(program, cursor)]?.name : undefined;
    if (name === undefined) return;
    setNames((present) => {
      if (!present.has(name)) return present;
      const next = new Set(present);
      next.delete(name);
      return next;
    });
  }, [program, cursor]);
  return { rows, allFolded, toggle, toggleAll };
}
