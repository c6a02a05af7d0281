import { useCallback, useRef, useState } from 'react';
import type { OutlineRow } from '../../verifier/query/outline.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';

const PAGE = 128;

interface Rows {
  readonly of: string;
  readonly count: number;
  readonly pages: ReadonlyMap<number, readonly OutlineRow[]>;
}

interface PathRows {
  readonly count: number;
  /** Undefined while it is on its way. */
  row(index: number): OutlineRow | undefined;
  /** Opens or folds a row. */
  toggle(row: OutlineRow, index: number): void;
  /** Opens what a step lies in; the index of its row. */
  reveal(step: number): Promise<number>;
}

/** The rows of the tree that are in view, asked for by pages. */
export function usePathRows(asked: Asked, first: number): PathRows {
  const of = `${asked.program} ${asked.kernel}`;
  const [held, setHeld] = useState<Rows>({ of, count: first, pages: new Map() });
  const rows = held.of === of ? held : { of, count: first, pages: new Map() };
  const asking = useRef(new Set<number>());
  const version = useRef(0);

  const load = useCallback(
    async (pages: readonly number[], fresh: boolean) => {
      const own = version.current;
      const answers = await Promise.all(
        pages.map((page) =>
          askRecording<{ count: number; rows: OutlineRow[] }>(asked, 'rows', { from: page * PAGE, to: (page + 1) * PAGE }),
        ),
      );
      if (own !== version.current) return;
      setHeld((before) => {
        const known = fresh || before.of !== of ? new Map<number, readonly OutlineRow[]>() : new Map(before.pages);
        answers.forEach((answer, i) => {
          known.set(pages[i]!, answer.rows);
        });
        return { of, count: answers[0]?.count ?? before.count, pages: known };
      });
      for (const page of pages) asking.current.delete(page);
    },
    [asked, of],
  );

  /** Rows are drawn by a list that scrolls by itself: what it misses is asked for once it is drawn. */
  const want = (page: number): void => {
    if (asking.current.has(page)) return;
    asking.current.add(page);
    queueMicrotask(() => void load([page], false).catch(() => {}));
  };

  const refresh = useCallback(
    (around: number) => {
      version.current++;
      asking.current.clear();
      const page = Math.max(0, Math.floor(around / PAGE));
      return load(page > 0 ? [page - 1, page, page + 1] : [0, 1], true);
    },
    [load],
  );

  return {
    count: rows.count,
    row: (index) => {
      const page = Math.floor(index / PAGE);
      const found = rows.pages.get(page)?.[index - page * PAGE];
      if (!found && index < rows.count) want(page);
      return found;
    },
    toggle: (row, index) => {
      void askRecording<number>(asked, 'toggle', { row: row.key })
        .then(() => refresh(index))
        .catch(() => {});
    },
    reveal: useCallback(
      async (step) => {
        const { index } = await askRecording<{ index: number; count: number }>(asked, 'reveal', { step });
        await refresh(index);
        return index;
      },
      [asked, refresh],
    ),
  };
}
