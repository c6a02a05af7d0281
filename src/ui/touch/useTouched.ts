import { useEffect, useRef, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import type { UserError } from '../../workbench/errors.ts';
import { toUserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { touchEvent } from '../../workbench/touch.ts';
import type { TouchRequest, TouchView } from '../../workbench/touch-views.ts';
import { touch as texts } from '../texts/touch.ts';

interface Touched {
  readonly view: TouchView | null;
  readonly error: UserError | null;
  /** `view` is that of an earlier request. */
  readonly stale: boolean;
  /** The values of `view` are those of an earlier request. */
  readonly valuesStale: boolean;
}

/** What an event comes to. While it runs, later requests wait, and only the last of them is run: a drag asks more often than answers come. */
export function useTouched(key: string | null, request: TouchRequest | null): Touched {
  const [state, setState] = useState<{
    readonly of: string;
    readonly valuesOf: string;
    readonly view: TouchView | null;
    readonly error: UserError | null;
  } | null>(null);
  const queue = useRef<{ running: boolean; next: (() => void) | null; alive: boolean }>({ running: false, next: null, alive: true });
  const of = key === null || request === null ? null : `${key} ${stamp(request)}`;
  const asked = useRef(request);
  asked.current = request;
  useEffect(() => {
    const own = queue.current;
    own.alive = true;
    return () => {
      own.alive = false;
    };
  }, []);
  useEffect(() => {
    const own = queue.current;
    const wanted = asked.current;
    if (of === null || key === null || wanted === null) return;
    const run = () => {
      own.running = true;
      own.next = null;
      // Values that are not read yet are those before.
      const early = (view: TouchView) =>
        own.alive &&
        setState((before) => ({
          of,
          valuesOf: before?.valuesOf ?? '',
          view: { ...view, values: before?.view?.values ?? [] },
          error: null,
        }));
      touchEvent(key, wanted, early)
        .then(
          (view) => own.alive && setState({ of, valuesOf: of, view, error: null }),
          (error: unknown) => {
            if (!own.alive || error instanceof Cancelled) return;
            const said = error instanceof RemoteError ? error.error : toUserError(error, texts.running);
            setState((before) => ({ of, valuesOf: of, view: before?.view ?? null, error: said }));
          },
        )
        .finally(() => {
          own.running = false;
          own.next?.();
        });
    };
    if (own.running) own.next = run;
    else run();
  }, [of, key]);
  return {
    view: of === null ? null : (state?.view ?? null),
    error: state?.of === of ? state.error : null,
    stale: state?.of !== of,
    valuesStale: state?.valuesOf !== of,
  };
}

function stamp({ event, file, weights, values }: TouchRequest): string {
  const what = event.kind === 'packet' ? [...event.bytes] : event.kind === 'tensors' ? [event.trace.hash, event.index] : event.call;
  return JSON.stringify([what, file.hash, weights, values]);
}
