import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SELECTION } from '../families/select.ts';
import { recognise } from '../graph/recognise.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { loadModel, tensors } from '../testing/fixtures.ts';
import { decoderOf } from './decoder.ts';
import { FloatDecoder } from './float.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

describe('one position of a causal model', () => {
  it('gives the scores that the whole sequence gives', () => {
    const model = loadModel(read, 'gpt-small');
    const graph = recognise(model, SELECTION);
    const decoder = decoderOf(graph);
    expect(decoder.items.filter(({ kind }) => kind === 'attend')).toHaveLength(2);
    const float = new FloatDecoder(decoder);
    for (const sample of tensors(read, 'gpt-small', 'inputs.npy', model).slice(0, 3)) {
      const tokens = Array.from(sample[graph.inputs[0].name].data as BigInt64Array, Number);
      const [output] = graph.outputs;
      const whole = readView(output.view, evaluate(graph, new Map([[graph.inputs[0].name, tokens]])));
      float.reset();
      let last = new Float64Array(0);
      for (const token of tokens) last = Float64Array.from(float.step(token));
      for (const [i, score] of last.entries()) expect(score).toBeCloseTo(whole[i], 9);
    }
  });

  it('is refused for attention that looks ahead', () => {
    expect(() => decoderOf(recognise(loadModel(read, 'encoder-post-relu-cls'), SELECTION))).toThrow(/not causal|mask|positions/);
  });
});
