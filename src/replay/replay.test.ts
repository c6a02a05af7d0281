import { describe, expect, it } from 'vitest';
import type { ProgramMeta } from '../compiler/api.ts';
import type { Tensors } from '../reference/reference.ts';
import type { ReferenceRunner } from './reference-runner.ts';
import { type Runner, replayTensors } from './replay.ts';
import type { Outcome } from './runner.ts';

/** A program that gives its input back, with the last operators of the model it came from. */
const echo = (...ops: string[]): Runner => ({
  meta: { model: { nodes: ops.map((op, index) => ({ index, name: op, op })) }, outputs: [{ name: 'y' }] } as unknown as ProgramMeta,
  runPacket: () => {
    throw new Error('takes tensors');
  },
  runTensors: ({ x }): Outcome => ({
    returnValue: 2,
    score: null,
    insnsExecuted: 1,
    outputs: { y: Float64Array.from(x!.data as Float32Array) },
  }),
});

/** A reference that answers row by row. */
const answers = (...rows: number[][]): ReferenceRunner => {
  const left = rows.map((row) => ({ y: Float64Array.from(row) }));
  return { runTensors: () => Promise.resolve(left.shift()!) } as unknown as ReferenceRunner;
};

const rows = (...values: number[][]): Tensors[] =>
  values.map((row) => ({ x: { dtype: 'float32', dims: [1, row.length], data: Float32Array.from(row) } }));

describe('a replay of tensors', () => {
  it('counts argmax classes, the first of equals', async () => {
    const { events, verdicts, comparison } = await replayTensors(rows([0, 2, 1], [5, 5, 1], [0, 0, 9]), echo('Gemm'));
    expect({ events, verdicts, comparison }).toEqual({
      events: 3,
      verdicts: { 'class 1': 1, 'class 0': 1, 'class 2': 1 },
      comparison: null,
    });
  });

  it('measures agreement, error and near ties against the reference', async () => {
    const reference = answers([0, 2, 1], [4.95, 5, 1], [9, 0, 0]);
    const { comparison } = await replayTensors(rows([0, 2, 1.5], [5, 5, 1], [0, 0, 9]), echo('Gemm'), { reference });
    expect(comparison).toMatchObject({ events: 3, agreed: 1, maxAbsError: 9, nearTies: { events: 1, disagreed: 1 } });
    expect(comparison!.classes.map(({ events, agreed }) => [events, agreed])).toEqual([
      [1, 0],
      [2, 1],
      [0, 0],
    ]);
  });

  it.each([
    ['a logit', ['Gemm', 'Squeeze'], { 'class 0': 1, 'class 1': 3 }, 3],
    ['a probability', ['Gemm', 'Sigmoid', 'Squeeze'], { 'class 0': 3, 'class 1': 1 }, 3],
  ])('takes a single value for %s where the model ends so', async (_, ops, verdicts, agreed) => {
    const reference = answers([-1], [0.3], [0.45], [ops.includes('Sigmoid') ? 0.2 : -0.2]);
    const summary = await replayTensors(rows([-1], [0.2], [0.49], [0.9]), echo(...ops), { reference });
    expect(summary.verdicts).toEqual(verdicts);
    expect(summary.comparison!.agreed).toBe(agreed);
  });
});
