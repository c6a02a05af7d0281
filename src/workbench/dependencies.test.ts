import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { FIXTURES, loadModel, modelBytes, tensors } from '../compiler/testing/fixtures.ts';
import { createReference } from '../reference/reference.ts';
import { relatedElements } from './dependencies.ts';
import { backward, forward, indexMap, type Values } from './index-maps.ts';
import { inRanges, rangeCount } from './ranges.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const size = (dims: readonly number[]): number => dims.reduce((n, dim) => n * dim, 1);

describe('index maps', () => {
  test.each(FIXTURES)('%s: an element depends on another exactly when that one leads to it', (fixture) => {
    const model = loadModel(read, fixture);
    const dims = (name: string) => model.values.get(name)?.dims ?? model.initializers.get(name)?.dims ?? null;
    const values: Values = { dims, contents: (name) => (model.initializers.get(name)?.data as Float32Array) ?? null, opset: model.opset };
    const maps = model.nodes.flatMap((node) =>
      node.inputs.flatMap((from, input) =>
        node.outputs.flatMap((to, output) => {
          const map = indexMap(node, input, output, values);
          return map ? [{ map, node, sizes: [size(dims(from)!), size(dims(to)!)] }] : [];
        }),
      ),
    );
    expect(maps.length).toBeGreaterThan(model.nodes.length);
    fc.assert(
      fc.property(fc.constantFrom(...maps), fc.nat(), fc.nat(), ({ map, node, sizes }, a, b) => {
        const [e, o] = [a % sizes[0]!, b % sizes[1]!];
        const sources = backward(map, [[o, o + 1]]).ranges;
        const targets = forward(map, [[e, e + 1]]).ranges;
        expect(inRanges(sources, e), `${node.op} ${e} ${o}`).toBe(inRanges(targets, o));
        for (const [from] of sources) expect(inRanges(forward(map, [[from, from + 1]]).ranges, o)).toBe(true);
        for (const [from] of targets) expect(inRanges(backward(map, [[from, from + 1]]).ranges, e)).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('related elements', () => {
  test.each(FIXTURES)('%s: where an input element changes, ONNX Runtime changes nothing that is not related to it', async (fixture) => {
    const model = loadModel(read, fixture);
    const reference = await createReference(modelBytes(read, fixture), { outputs: 'all' });
    const [sample, other] = tensors(read, fixture, 'inputs.npy', model);
    const [input] = model.inputs;
    const before = await reference.run(sample!);
    for (const at of [0, 7, size(input!.dims) - 1]) {
      const data = sample![input!.name]!.data.slice() as Float32Array;
      data[at] = (other![input!.name]!.data as Float32Array)[at === 7 ? 8 : at]!;
      const after = await reference.run({ [input!.name]: { ...sample![input!.name]!, data } });
      const related = new Map(
        relatedElements(model, input!.name, [[at, at + 1]])
          .filter(({ direction }) => direction === 'to')
          .map(({ tensor, ranges }) => [tensor, ranges]),
      );
      for (const node of model.nodes) {
        for (const name of node.outputs) {
          const [a, b] = [before[name]!.data as Float32Array, after[name]!.data as Float32Array];
          const stray = Array.from(a, (_, i) => i).filter((i) => a[i] !== b[i] && !inRanges(related.get(name) ?? [], i));
          expect(stray, `${node.op} ${name}, input element ${at}`).toEqual([]);
        }
      }
    }
    await reference.release();
  });

  it('go from an attention output to one row of probabilities, and from an embedding to the row of its token', () => {
    const model = loadModel(read, 'bert-small');
    const of = (op: string) => model.nodes.find((node) => node.op === op)!;
    const gather = of('Gather');
    const tokens = BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i + 3));
    const related = relatedElements(model, gather.outputs[0]!, [[5 * 16 + 2, 5 * 16 + 3]], new Map([[gather.inputs[1]!, tokens]]));
    const from = (tensor: string) => related.find((one) => one.tensor === tensor && one.direction === 'from');
    expect(from(gather.inputs[0]!)).toMatchObject({ ranges: [[8 * 16 + 2, 8 * 16 + 3]], exact: true, direct: true });
    expect(from(gather.inputs[1]!)).toMatchObject({ ranges: [[5, 6]], direct: true });
    const softmax = of('Softmax');
    const row = relatedElements(model, softmax.outputs[0]!, [[18, 19]]).find((one) => one.tensor === softmax.inputs[0]!)!;
    expect(row.ranges).toEqual([[16, 32]]);
    const product = model.nodes.find((node) => node.op === 'MatMul' && node.inputs[0] === softmax.outputs[0])!;
    const summed = relatedElements(model, product.outputs[0]!, [[0, 1]]);
    expect(summed.find((one) => one.tensor === softmax.outputs[0])!.ranges).toEqual([[0, 16]]);
    expect(rangeCount(summed.find((one) => one.tensor === product.inputs[1])!.ranges)).toBe(16);
  });
});
