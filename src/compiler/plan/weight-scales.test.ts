import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { calibrate } from '../../reference/calibrate.ts';
import { compileFixture, FIXTURES, loadModel, modelBytes, tensors } from '../testing/fixtures.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

describe.each(FIXTURES)('%s', (fixture) => {
  it('has a scale for every output row of every matrix, by which the largest weight of the row is a large integer', async () => {
    const model = loadModel(read, fixture);
    const calibration = await calibrate(modelBytes(read, fixture), tensors(read, fixture, 'calibration.npy', model).slice(0, 4), {
      source: 'trace',
    });
    const { weights } = compileFixture(fixture, model, calibration);
    const matrices = model.nodes.filter(({ op }) => op === 'MatMul' || op === 'Gemm').flatMap(({ inputs }) => inputs);
    const wanted = matrices.filter((name) => (model.initializers.get(name)?.dims.length ?? 0) >= 2);
    // The first matrix may be folded into the table of the embedding before it; one behind a normalisation takes its gamma and is another matrix.
    const named = weights.map(({ name }) => name);
    expect(wanted).toEqual(expect.arrayContaining(named));
    const norms = model.nodes.filter(({ op }) => op === 'LayerNormalization' || op === 'Pow').length;
    expect(new Set(wanted).size - named.length).toBeLessThanOrEqual(1 + norms);
    expect(named.length).toBeGreaterThan(0);
    for (const { name, axis, elem, max, scales } of weights) {
      const { dims, data } = model.initializers.get(name)!;
      const [rows, columns] = dims.slice(-2);
      const top = new Float64Array(scales.length);
      for (let at = 0; at < data.length; at++) {
        const row = axis === dims.length - 1 ? at % columns : Math.floor(at / columns) % rows;
        top[row] = Math.max(top[row], Math.abs(Number(data[at])));
      }
      for (const [row, scale] of scales.entries()) {
        // Products in pairs choose units by what their sums may hold; their rows have more than eight bits all the same.
        if (elem === 'i16' && max === 32767) {
          expect(scale * max).toBeGreaterThanOrEqual(top[row]!);
          expect(top[row]! / scale).toBeGreaterThan(127);
        } else expect(scale * max).toBeCloseTo(top[row] || max, 10);
      }
    }
  }, 60_000);
});
