import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compileFixture, FIXTURES, loadModel, modelBytes, tensors } from '../compiler/testing/fixtures.ts';
import { calibrate } from '../reference/calibrate.ts';
import { createReference } from '../reference/reference.ts';
import { valueError } from '../reference/value-error.ts';
import { iterations, ValueReader } from './program-values.ts';
import { ModelRunner } from './runner.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

describe('values of a compiled model', () => {
  test.each(FIXTURES)('%s: every value in memory is what ONNX Runtime computes, but for rounding', async (fixture) => {
    const model = loadModel(read, fixture);
    const bytes = modelBytes(read, fixture);
    const calibration = await calibrate(bytes, tensors(read, fixture, 'calibration.npy', model), { source: 'trace' });
    const compiled = compileFixture(fixture, model, calibration);
    const reader = new ValueReader(compiled.program, compiled.meta, compiled.tensors);
    const runner = new ModelRunner(compiled.program, compiled.meta, 'wasm');
    const reference = await createReference(bytes, { outputs: 'all' });
    const rows = new Map<string, number>();
    for (const sample of tensors(read, fixture, 'inputs.npy', model).slice(0, 3)) {
      const { values, ran, unplanned } = reader.tensors(sample);
      expect([ran, unplanned]).toEqual([true, []]);
      const expected = await reference.run(sample);
      for (const value of values) {
        const floats = expected[value.name] ?? sample[value.name];
        if (!floats) continue;
        const real = Float64Array.from(floats.data as ArrayLike<number | bigint>, Number);
        expect(value.data.length, value.name).toBe(real.length);
        rows.set(value.name, Math.max(rows.get(value.name) ?? 0, valueError(value, real).relative));
      }
      // What was read last is what the program gave.
      const [output] = compiled.meta.outputs;
      const last = values.find(({ name }) => name === output.name)!;
      const given = runner.runTensors(sample).outputs![output.name];
      expect(Array.from(last.data, (x) => x * last.scale)).toEqual(Array.from(given, (x) => expect.closeTo(x, 10)));
    }
    const worst = [...rows].sort((a, b) => b[1] - a[1]);
    expect(worst[0][1], worst[0][0]).toBeLessThan(0.03);
    const named = model.nodes.flatMap((node) => node.outputs).filter((name) => rows.has(name));
    expect(named.length).toBeGreaterThan(model.nodes.length / 3);
    await reference.release();
  });

  it('goes through rows as the stages do: every row once, but for an odd last pair', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 2, max: 5 }), { maxLength: 3 }), fc.constantFrom(1 as const, 2 as const), (outer, lanes) => {
        const rows = new Set(
          iterations(outer, lanes).flatMap((indices) =>
            Array.from({ length: outer.length > 0 ? lanes : 1 }, (_, lane) =>
              indices.map((i, at) => (at === indices.length - 1 ? i + lane : i)).join(),
            ),
          ),
        );
        expect(rows.size).toBe(outer.reduce((n, dim) => n * dim, 1));
      }),
      { seed: 1 },
    );
  });
});
