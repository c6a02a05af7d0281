import { useMemo } from 'react';
import { processedByNode } from '../../workbench/attribution.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ModelView } from '../../workbench/views.ts';
import { overlays as texts } from '../texts/model.ts';
import { bytesOf } from './graph-model.ts';
import type { Overlay, OverlayValues } from './overlays.ts';

const formatCount = (value: number): string => Math.round(value).toLocaleString('en');

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in three digits: `6 B`, `12.3 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** The program if it was compiled from the model on show: one of another model says nothing about this one. */
function useOwnProgram() {
  const program = useWorkbench((state) => state.stages.program.value);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  return program && program.modelKey === modelKey ? program : null;
}

export const INSTRUCTIONS: Overlay = {
  id: 'instructions',
  ...texts.instructions,
  order: 10,
  ramp: 'linear',
  fold: 'sum',
  format: formatCount,
  useValues: () => {
    const program = useOwnProgram();
    return useMemo<OverlayValues>(() => program && new Map(program.nodes.map(({ index, insns }) => [index, insns])), [program]);
  },
};

const PROCESSED: Overlay = {
  id: 'processed',
  ...texts.processed,
  order: 20,
  ramp: 'linear',
  fold: 'sum',
  format: formatCount,
  useValues: () => {
    const program = useOwnProgram();
    const verified = useWorkbench((state) => state.stages.verified.value);
    const visits = verified?.visits.length === (program?.code.length ?? 0) / 8 ? verified?.visits : undefined;
    return useMemo<OverlayValues>(() => (program && visits ? processedByNode(program, visits) : null), [program, visits]);
  },
};

/** A value of every node of the model that is left. */
function useModelValues(measured: (node: ModelView['nodes'][number]) => number | null): OverlayValues {
  const model = useWorkbench((state) => state.stages.model.value);
  return useMemo<OverlayValues>(() => {
    if (!model) return null;
    const values = new Map<number, number>();
    for (const node of model.nodes) {
      const value = node.folded === undefined ? measured(node) : null;
      if (value !== null) values.set(node.index, value);
    }
    return values;
  }, [model, measured]);
}

const outputBytes = ({ output }: ModelView['nodes'][number]): number | null => output && bytesOf(output);
const weightBytes = ({ weights }: ModelView['nodes'][number]): number | null =>
  weights.length === 0 ? null : weights.reduce((sum, tensor) => sum + bytesOf(tensor), 0);

const TENSOR_BYTES: Overlay = {
  id: 'bytes',
  ...texts.bytes,
  order: 30,
  ramp: 'log',
  fold: 'sum',
  format: formatBytes,
  useValues: () => useModelValues(outputBytes),
};

const WEIGHT_BYTES: Overlay = {
  id: 'weights',
  ...texts.weights,
  order: 40,
  ramp: 'log',
  fold: 'sum',
  format: formatBytes,
  useValues: () => useModelValues(weightBytes),
};

/** Those that follow from the model, the program and the verifier alone. */
export const OWN_OVERLAYS: readonly Overlay[] = [INSTRUCTIONS, PROCESSED, TENSOR_BYTES, WEIGHT_BYTES];
