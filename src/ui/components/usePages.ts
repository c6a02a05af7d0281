import { useEffect, useRef, useState } from 'react';

const PAGE = 200;
const MOST_PAGES = 40;

/**
 * Rows that stand in a worker, asked for by pages when they come into view: gives the row at an index, or undefined until it has come.
 * `key` names what the rows are of; another key forgets them.
 */
export function usePages<T>(key: string, load: (from: number, to: number) => Promise<readonly T[]>): (index: number) => T | undefined {
  const [, redraw] = useState(0);
  const pages = useRef({ key, held: new Map<number, readonly T[] | null>() });
  if (pages.current.key !== key) pages.current = { key, held: new Map() };
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  return (index) => {
    const { held } = pages.current;
    const page = Math.floor(index / PAGE);
    const known = held.get(page);
    if (known) return known[index - page * PAGE];
    if (known === undefined) {
      held.set(page, null);
      if (held.size > MOST_PAGES) held.delete(held.keys().next().value!);
      load(page * PAGE, (page + 1) * PAGE).then(
        (rows) => {
          if (pages.current.held !== held) return;
          held.set(page, rows);
          if (mounted.current) redraw((n) => n + 1);
        },
        () => held.delete(page),
      );
    }
    return undefined;
  };
}
