import type { Calibration } from '../api.ts';
import type { HGraph } from '../graph/hops.ts';
import { evaluate } from './evaluate.ts';

/** Ranges of the recognised graph itself, for models that exist only in memory. */
export function floatCalibration(graph: HGraph, samples: readonly ReadonlyMap<string, ArrayLike<number>>[]): Calibration {
  const ranges: Record<string, { min: number; max: number }> = {};
  for (const sample of samples) {
    for (const [buf, values] of evaluate(graph, sample)) {
      const range = ranges[buf.name] ?? { min: 0, max: 0 };
      ranges[buf.name] = range;
      for (const x of values) {
        if (!Number.isFinite(x)) continue;
        range.min = Math.min(range.min, x);
        range.max = Math.max(range.max, x);
      }
    }
  }
  return { source: 'trace', samples: samples.length, ranges };
}
