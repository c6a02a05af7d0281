import { useEffect, useMemo, useState } from 'react';
import type { NodeTimesView } from '../../workbench/machine-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { type Overlay, type OverlayValues, useChosenOverlay } from '../model/overlays.ts';
import { pipelinePanel as texts } from '../texts/pipeline-panel.ts';

const ID = 'time';

/** Time of each operator in this browser's engine; measured when it is chosen, once for each program. */
function useTimes(): OverlayValues {
  const chosen = useChosenOverlay((state) => state.chosen === ID);
  // The verifier goes first: what it refuses may never end.
  const key = useWorkbench(({ stages: { program, verified } }) =>
    program.value?.modelKey && !program.stale && verified.status === 'done' && verified.value?.accepted ? program.value.key : null,
  );
  const [view, setView] = useState<NodeTimesView | null>(null);
  const known = view?.programKey === key;
  useEffect(() => {
    if (!chosen || key === null || known) return;
    const own = new AbortController();
    import('../../workbench/node-times.ts').then(({ measureNodes }) => measureNodes(key, own.signal)).then(setView, () => {});
    return () => own.abort();
  }, [chosen, key, known]);
  return useMemo<OverlayValues>(() => (known && view ? new Map(view.nodes.map(([node, ns]) => [node, ns / 1000])) : null), [view, known]);
}

export const overlay: Overlay = {
  id: ID,
  ...texts.overlay,
  order: 47,
  ramp: 'log',
  fold: 'sum',
  format: (value) => (value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2)),
  useValues: useTimes,
};
