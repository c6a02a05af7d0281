import { useCallback, useEffect, useRef, useState } from 'react';
import { STOPPED } from '../../base/progress.ts';
import { announce } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { Hits } from './find.ts';
import { callOnListing } from './listing-client.ts';

export interface Finding {
  readonly query: string;
  readonly hits: Hits;
  /** Instructions searched so far, and all of them. */
  readonly done: number;
  readonly total: number;
  setQuery(query: string): void;
  stop(): void;
}

interface Found {
  readonly query: string;
  readonly hits: Hits;
  readonly done: number;
}

const NONE: Found = { query: '', hits: new Hits(), done: 0 };

/** A search of the program that runs in a worker and fills as it goes. */
export function useFind(program: ProgramView): Finding {
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found>(NONE);
  const controller = useRef<AbortController | null>(null);
  const total = program.code.length / 8;

  useEffect(() => {
    setFound(NONE);
    if (query.trim() === '') return;
    const own = new AbortController();
    controller.current = own;
    const hits = new Hits();
    let frame = 0;
    let done = 0;
    const show = () => {
      frame = 0;
      setFound({ query, hits, done });
    };
    const soon = () => {
      frame ||= requestAnimationFrame(show);
    };
    callOnListing<number>(
      program,
      'find',
      { query },
      {
        signal: own.signal,
        onEvent: ((batch: Uint32Array) => {
          if (own.signal.aborted) return;
          hits.add(batch);
          soon();
        }) as (event: never) => void,
        onProgress: (_stage, at) => {
          if (own.signal.aborted) return;
          done = at;
          soon();
        },
      },
    ).then(
      (count) => announce(texts.foundCount(count)),
      () => {},
    );
    return () => {
      own.abort(STOPPED);
      cancelAnimationFrame(frame);
    };
  }, [program, query]);

  const stop = useCallback(() => {
    controller.current?.abort(STOPPED);
    setFound((present) => ({ query, hits: present.query === query ? present.hits : NONE.hits, done: total }));
  }, [query, total]);
  // What was found for the text before stands for a moment longer.
  const { hits, done } = found.query === query ? found : NONE;
  return { query, hits, done: query.trim() === '' ? total : done, total, setQuery, stop };
}
