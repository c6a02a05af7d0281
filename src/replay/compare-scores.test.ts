import { expect, test } from 'vitest';
import { compareScores } from './compare-scores.ts';
import type { Scores } from './scores.ts';

const classes = (...verdict: number[]): Scores => ({
  total: verdict.length,
  done: verdict.length,
  score: new Float64Array(verdict.length).fill(Number.NaN),
  verdict: Uint16Array.from(verdict),
  outputs: new Float32Array(0),
  outputWidth: 0,
  cut: 0,
});

test('of many classes those that occur have a row, under their own name', () => {
  const program = classes(3, 700, 40_000, 700);
  const reference = classes(3, 255, 40_000, 700);
  const { result } = compareScores({ kind: 'tensors', program, reference, binding: null });
  expect([result.events, result.agreed]).toEqual([4, 3]);
  expect(result.classes).toEqual([
    { name: 'class 3', events: 1, agreed: 1 },
    { name: 'class 255', events: 1, agreed: 0 },
    { name: 'class 700', events: 1, agreed: 1 },
    { name: 'class 40000', events: 1, agreed: 1 },
  ]);
  expect(result.confusion[1]).toEqual([0, 0, 1, 0]);
});
