import { useCallback, useEffect, useRef, useState } from 'react';
import type { LayoutResult } from './layout.ts';
import { buildScene, type Scene } from './scene.ts';
import { layoutInput, type VisibleGraph } from './visible.ts';

type FromWorker = { id: number; done?: number; total?: number; result?: LayoutResult; error?: string };

export interface LayoutState {
  /** The last graph that was laid out; of the graph before while a new one is being laid out. */
  readonly scene: Scene | null;
  readonly error: string | null;
  readonly progress: { readonly done: number; readonly total: number } | null;
  /** Ends the worker; the last scene stays. */
  readonly stop: () => void;
}

const startWorker = () => new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module', name: 'layout' });

/** Work that takes less than this shows no progress. */
const SHOW_AFTER_MS = 100;

/** Lays `visible` out in a worker, which keeps the segments that it knows from one call to the next. */
export function useLayout(visible: VisibleGraph | null): LayoutState {
  const worker = useRef<Worker | null>(null);
  const nextId = useRef(1);
  const [scene, setScene] = useState<Scene | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [progress, setProgress] = useState<LayoutState['progress']>(null);
  useEffect(
    () => () => {
      worker.current?.terminate();
      worker.current = null;
    },
    [],
  );
  useEffect(() => {
    if (!visible) return;
    worker.current ??= startWorker();
    const present = worker.current;
    const id = nextId.current++;
    let running = true;
    const late = setTimeout(() => setProgress({ done: 0, total: visible.nodes.length }), SHOW_AFTER_MS);
    const listen = ({ data }: MessageEvent<FromWorker>) => {
      if (data.id !== id) return;
      if (data.total !== undefined && data.done !== undefined) {
        setProgress({ done: data.done, total: data.total });
        return;
      }
      running = false;
      clearTimeout(late);
      setProgress(null);
      setError(data.error ?? null);
      if (data.result) setScene(buildScene(visible, data.result));
    };
    const fail = (event: ErrorEvent) => {
      event.preventDefault();
      clearTimeout(late);
      setProgress(null);
      setError(event.message || 'its worker could not be started');
      present.terminate();
      if (worker.current === present) worker.current = null;
    };
    present.addEventListener('message', listen);
    present.addEventListener('error', fail);
    present.postMessage({ id, input: layoutInput(visible) });
    return () => {
      // What nobody waits for any more must not hold up its successor.
      if (running && worker.current === present) {
        present.terminate();
        worker.current = null;
      }
      clearTimeout(late);
      setProgress(null);
      present.removeEventListener('message', listen);
      present.removeEventListener('error', fail);
    };
  }, [visible]);
  const stop = useCallback(() => {
    worker.current?.terminate();
    worker.current = null;
    setProgress(null);
    setError('it was stopped');
  }, []);
  const own = scene && visible && scene.visible.graph === visible.graph ? scene : null;
  return { scene: own, error, progress, stop };
}
