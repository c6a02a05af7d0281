import { useMemo } from 'react';
import { useProfile } from '../../workbench/profile.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { Overlay, OverlayValues } from '../model/overlays.ts';
import { shortCount } from '../program/heat.ts';
import { profilePanel as texts } from '../texts/profile-panel.ts';

/** Executed instructions of each operator, in one event. */
function useExecuted(): OverlayValues {
  const program = useWorkbench((state) => state.stages.program.value);
  const { value } = useProfile();
  return useMemo<OverlayValues>(() => {
    if (!program || value?.programKey !== program.key) return null;
    const nodes = new Map<number, number>();
    program.origins.forEach(({ kind, nodeIdx }, at) => {
      if (kind === 'node') nodes.set(nodeIdx, (nodes.get(nodeIdx) ?? 0) + value.byOrigin[at]! / value.events);
    });
    return nodes;
  }, [program, value]);
}

export const overlay: Overlay = {
  id: 'executed',
  ...texts.overlay,
  order: 45,
  ramp: 'log',
  fold: 'sum',
  format: (value) => shortCount(Math.round(value)),
  useValues: useExecuted,
};
