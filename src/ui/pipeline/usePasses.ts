import { useEffect, useRef, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import type { PassId } from '../../compiler/passes/pass.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import type { Change, PassesView, PassRowView } from '../../workbench/pass-views.ts';
import { passesOf, passRows } from '../../workbench/passes.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import type { StageProgress } from '../../workbench/stages.ts';
import { pipeline as texts } from '../texts/pipeline.ts';

/** What the shown passes belong to. */
export interface Asked {
  readonly key: string;
  readonly change: Change | null;
}

export interface Passes {
  readonly asked: Asked;
  readonly view: PassesView;
}

export const saidBy = (error: unknown): UserError | null =>
  error instanceof Cancelled ? null : error instanceof RemoteError ? error.error : toUserError(error, texts.recording);

/** The passes of a program; those before stay until the new ones are there. `key` null: there is nothing to ask for yet. */
export function usePasses(key: string | null, change: Change | null) {
  const [held, setHeld] = useState<Passes | null>(null);
  const [progress, setProgress] = useState<StageProgress | null>(null);
  const [error, setError] = useState<UserError | null>(null);
  const of = JSON.stringify([key, change]);
  useEffect(() => {
    const [wantedKey, wantedChange] = JSON.parse(of) as [string | null, Change | null];
    if (wantedKey === null) return;
    const own = new AbortController();
    setError(null);
    passesOf(wantedKey, wantedChange, {
      signal: own.signal,
      onProgress: (stage, done, total) => setProgress({ stage, done, total }),
    })
      .then(
        (view) => {
          if (!own.signal.aborted) setHeld({ asked: { key: wantedKey, change: wantedChange }, view });
        },
        (failure: unknown) => {
          if (!own.signal.aborted) setError(saidBy(failure));
        },
      )
      .finally(() => setProgress(null));
    return () => own.abort();
  }, [of]);
  const current = held !== null && JSON.stringify([held.asked.key, held.asked.change]) === of;
  return { held, current, progress, error };
}

const PAGE = 64;

/** Rows of a pass, asked for by pages as a list shows them; `numbers` are the rows that it lists. */
export function usePassRows({ key, change }: Asked, pass: PassId, numbers: Uint32Array): (index: number) => PassRowView | undefined {
  const [, redraw] = useState(0);
  const of = JSON.stringify([key, change, pass, numbers.length]);
  const pages = useRef<{ of: string; held: Map<number, readonly PassRowView[]>; asked: Set<number> }>({
    of,
    held: new Map(),
    asked: new Set(),
  });
  if (pages.current.of !== of) pages.current = { of, held: new Map(), asked: new Set() };
  return (index) => {
    const own = pages.current;
    const page = Math.floor(index / PAGE);
    const found = own.held.get(page)?.[index - page * PAGE];
    if (!found && index < numbers.length && !own.asked.has(page)) {
      own.asked.add(page);
      const wanted = [...numbers.subarray(page * PAGE, (page + 1) * PAGE)];
      queueMicrotask(() => {
        passRows(key, change, pass, wanted).then(
          (rows) => {
            own.held.set(page, rows);
            if (pages.current === own) redraw((n) => n + 1);
          },
          () => own.asked.delete(page),
        );
      });
    }
    return found;
  };
}
