import { useEffect, useMemo } from 'react';
import { useEventValues, wantEventValues } from '../../workbench/event-values.ts';
import { nodeErrors } from '../../workbench/node-errors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { type Overlay, type OverlayValues, useChosenOverlay } from '../model/overlays.ts';
import { tensorsPanel as texts } from '../texts/tensors-panel.ts';
import { percent } from './format.ts';

const ID = 'error';

/** How far each operator's output is from the reference on the event at the cursor; computed while it is chosen. */
function useErrors(): OverlayValues {
  const chosen = useChosenOverlay((state) => state.chosen === ID);
  useEffect(() => (chosen ? wantEventValues() : undefined), [chosen]);
  const model = useWorkbench((state) => state.stages.model.value);
  const { value, stale } = useEventValues();
  return useMemo<OverlayValues>(() => {
    if (!model || !value || stale) return null;
    return new Map(nodeErrors(model, value).flatMap(({ node, error }) => (error ? [[node.index, error.relative * 100] as const] : [])));
  }, [model, value, stale]);
}

export const overlay: Overlay = {
  id: ID,
  ...texts.overlay,
  order: 50,
  ramp: 'linear',
  fold: 'max',
  format: (value) => percent(value / 100).replace(' %', ''),
  useValues: useErrors,
};
