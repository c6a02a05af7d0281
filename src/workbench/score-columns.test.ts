import { describe, expect, it } from 'vitest';
import { emptyColumns, withBatch } from './score-columns.ts';
import type { ScoreBatch } from './views.ts';

const batch = (start: number, score: readonly number[], outputs: readonly number[]): ScoreBatch => ({
  start,
  score: Float64Array.from(score),
  verdict: new Uint8Array(score.length),
  outputs: Float32Array.from(outputs),
  outputWidth: outputs.length / score.length,
  cut: 0,
});

describe('columns that fill batch by batch', () => {
  it('hold no outputs for events that no model saw, whether batches with outputs come before or after them', () => {
    const unseen = withBatch(emptyColumns(6), batch(0, [Number.NaN, Number.NaN], []));
    const seen = withBatch(unseen, batch(2, [0.5, 0.25], [1, 2, 3, 4]));
    const { done, score, outputs, outputWidth } = withBatch(seen, batch(4, [Number.NaN, Number.NaN], []));
    const none = Number.NaN;
    expect({ done, outputWidth, score: [...score], outputs: [...outputs] }).toEqual({
      done: 6,
      outputWidth: 2,
      score: [none, none, 0.5, 0.25, none, none],
      outputs: [none, none, none, none, 1, 2, 3, 4, none, none, none, none],
    });
  });
});
