import { useEffect, useState } from 'react';
import { layoutInput, type ModelGraph } from './graph-model.ts';
import type { LayoutResult } from './layout.ts';

let worker: Worker | null = null;
let nextId = 1;

/** The layout of `graph`, computed in its own worker; null until it is there. */
export function useLayout(graph: ModelGraph | null): { layout: LayoutResult | null; error: string | null } {
  const [state, setState] = useState<{ graph: ModelGraph; layout: LayoutResult | null; error: string | null } | null>(null);
  useEffect(() => {
    if (!graph) return;
    worker ??= new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module', name: 'layout' });
    const id = nextId++;
    const listen = (message: MessageEvent<{ id: number; result?: LayoutResult; error?: string }>) => {
      if (message.data.id !== id) return;
      setState({ graph, layout: message.data.result ?? null, error: message.data.error ?? null });
    };
    worker.addEventListener('message', listen);
    worker.postMessage({ id, input: layoutInput(graph) });
    const present = worker;
    return () => present.removeEventListener('message', listen);
  }, [graph]);
  return state?.graph === graph ? { layout: state?.layout ?? null, error: state?.error ?? null } : { layout: null, error: null };
}
