import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SELECTION } from '../families/select.ts';
import type { HGraph, HOp } from '../graph/hops.ts';
import { recognise } from '../graph/recognise.ts';
import { denseMap, product } from '../graph/view.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { pruned } from '../testing/prune.ts';
import { randomDecoder } from '../testing/random-decoder.ts';
import { type EncoderShape, randomEncoder } from '../testing/random-model.ts';
import { decodersUpTo, encodersUpTo } from '../testing/random-shapes.ts';
import { fitMap } from './fit.ts';
import { specialiseGraph } from './specialise.ts';

const outputOf = (graph: HGraph, inputs: ReadonlyMap<string, ArrayLike<number>>): number[] => [
  ...readView(graph.outputs[0]!.view, evaluate(graph, inputs)),
];

/** Elements that all ops of a kind write. */
const written = (graph: HGraph, kind: HOp['kind']): number =>
  graph.ops.filter((op) => op.kind === kind).reduce((sum, { out }) => sum + product(out.dims), 0);

const shape: EncoderShape = {
  sequence: 6,
  width: 12,
  heads: 3,
  hidden: 20,
  classes: 3,
  vocabulary: 9,
  activation: 'Gelu',
  mask: 'none',
  pool: 'mean',
  fused: true,
  seed: 5,
};

/** The matrices of the encoder, in order: queries, keys and values, output, hidden layer, back, classes. */
function edited(edit: (matrices: { data: Float32Array; columns: number }[]) => void, of: EncoderShape = shape): HGraph {
  const model = randomEncoder(of);
  const matrices = model.nodes
    .filter(({ op, inputs }) => op === 'MatMul' && model.initializers.has(inputs[1]!))
    .map(({ inputs }) => model.initializers.get(inputs[1]!)!);
  edit(matrices.map(({ data, dims }) => ({ data: data as Float32Array, columns: dims[1]! })));
  return recognise(model);
}

const tokens = (of: EncoderShape, seed: number): Map<string, number[]> =>
  new Map([['tokens', Array.from({ length: of.sequence }, (_, i) => (i * 5 + seed * 7 + 1) % of.vocabulary)]]);

function same(before: HGraph, after: HGraph, inputs: ReadonlyMap<string, ArrayLike<number>>): void {
  const [want, got] = [outputOf(before, inputs), outputOf(after, inputs)];
  for (const [i, y] of want.entries()) expect(Math.abs(y - got[i]!)).toBeLessThan(1e-9 * Math.max(1, Math.abs(y)));
}

describe('a specialised graph', () => {
  test('leaves out a head whose output is multiplied by zero, in the middle too', () => {
    for (const head of [0, 1, 2]) {
      const before = edited(([, output]) => output!.data.fill(0, head * 4 * output!.columns, (head + 1) * 4 * output!.columns));
      const after = specialiseGraph(before);
      expect(written(after, 'softmax')).toBe((written(before, 'softmax') / 3) * 2);
      for (const seed of [1, 2]) same(before, after, tokens(shape, seed));
    }
  });

  test('folds a head whose values are constant into the biases behind it', () => {
    const before = edited(([qkv]) => {
      for (let row = 0; row < 12; row++) qkv!.data.fill(0, row * 36 + 24 + 4, row * 36 + 24 + 8);
    });
    const after = specialiseGraph(before);
    expect(written(after, 'softmax')).toBe((written(before, 'softmax') / 3) * 2);
    for (const seed of [1, 2]) same(before, after, tokens(shape, seed));
  });

  test('leaves out hidden units that nothing feeds or nothing reads', () => {
    const before = edited(([, , hidden, back]) => {
      for (let row = 0; row < 12; row++) hidden!.data.fill(0, row * 20 + 16, row * 20 + 20);
      back!.data.fill(0, 0, 4 * 12);
    });
    const after = specialiseGraph(before);
    const units = (graph: HGraph): number[] => graph.ops.flatMap((op) => (op.kind === 'linear' ? [op.weights.dims[0]!] : []));
    expect(units(before)).toContain(20);
    expect(units(after)).toContain(12);
    expect(units(after)).not.toContain(20);
    for (const seed of [1, 2]) same(before, after, tokens(shape, seed));
  });

  test('computes only the rows that a classifier of the first token reads', () => {
    const first = { ...shape, pool: 'first' as const };
    const before = edited(() => {}, first);
    const after = specialiseGraph(before);
    expect(written(after, 'softmax')).toBe(written(before, 'softmax') / shape.sequence);
    for (const seed of [1, 2]) same(before, after, tokens(first, seed));
  });

  test('is left alone where every weight counts', () => {
    const before = edited(() => {});
    expect(specialiseGraph(before).ops.map(({ out }) => out.dims)).toEqual(before.ops.map(({ out }) => out.dims));
  });

  test('is the same function as before, whatever blocks of random encoders and decoders are zero', () => {
    const encoders = encodersUpTo({ sequence: fc.integer({ min: 2, max: 9 }), perHead: 4, hidden: 24, classes: 5, vocabulary: 12 });
    const block = (size: number) => fc.constantFrom(1, size);
    fc.assert(
      fc.property(
        encoders.chain((s) => fc.tuple(fc.constant(s), block(s.width / s.heads))),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        ([s, size], share) => {
          const graph = recognise(pruned(randomEncoder(s), size, share, s.seed), SELECTION);
          const after = specialiseGraph(graph);
          for (const seed of [1, 2]) same(graph, after, tokens(s, seed));
        },
      ),
      { seed: 1, numRuns: 120 },
    );
    const decoders = decodersUpTo({
      sequence: fc.integer({ min: 2, max: 7 }),
      sharers: 2,
      half: 2,
      hidden: 20,
      classes: 5,
      vocabulary: 12,
    });
    fc.assert(
      fc.property(decoders, fc.double({ min: 0, max: 0.6, noNaN: true }), (s, share) => {
        const graph = recognise(pruned(randomDecoder(s), s.size, share, s.seed), SELECTION);
        const inputs = new Map([
          ...tokens({ ...shape, sequence: s.sequence, vocabulary: s.vocabulary }, 1),
          ['source', Array.from({ length: s.source * 3 }, (_, i) => Math.sin(i * 1.3))] as [string, number[]],
        ]);
        same(graph, specialiseGraph(graph), inputs);
      }),
      { seed: 1, numRuns: 80 },
    );
  });
});

describe('a map for offsets', () => {
  test('finds loops, and none where there are none', () => {
    expect(fitMap([2, 3], [0, 1, 2, 6, 7, 8])).toEqual({ off: 0, dims: [[{ n: 2, stride: 6 }], [{ n: 3, stride: 1 }]] });
    expect(fitMap([4], [3, 4, 9, 10])).toEqual({
      off: 3,
      dims: [
        [
          { n: 2, stride: 6 },
          { n: 2, stride: 1 },
        ],
      ],
    });
    expect(fitMap([3], [0, 1, 3])).toBeNull();
    expect(fitMap([2, 2], [0, 1, 2, 4])).toBeNull();
    const dense = denseMap([2, 3, 4]);
    expect(
      fitMap(
        [2, 3, 4],
        Array.from({ length: 24 }, (_, i) => i),
      ),
    ).toEqual(dense);
  });
});
