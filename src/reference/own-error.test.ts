import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Calibration } from '../compiler/api.ts';
import { compileFixture, loadModel, modelBytes, tensors } from '../compiler/testing/fixtures.ts';
import { ValueReader } from '../replay/program-values.ts';
import { calibrate } from './calibrate.ts';
import { OwnErrors } from './own-error.ts';
import { createReference, type Tensors } from './reference.ts';
import { type ValueError, valueError } from './value-error.ts';

const FIXTURE = 'bert-small';
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const model = loadModel(read, FIXTURE);
const bytes = modelBytes(read, FIXTURE);
const [sample] = tensors(read, FIXTURE, 'inputs.npy', model) as [Tensors];
let calibration: Calibration;
let expected: Tensors;

beforeAll(async () => {
  calibration = await calibrate(bytes, tensors(read, FIXTURE, 'calibration.npy', model).slice(0, 16), { source: 'trace' });
  const reference = await createReference(bytes, { outputs: 'all' });
  expected = await reference.run(sample);
  await reference.release();
});

/** Errors of a program whose scale for `name` is that of a range `factor` times as wide. */
async function errorsWith(name: string, factor: number): Promise<{ total: Map<string, ValueError>; own: ReadonlyMap<string, ValueError> }> {
  const { min, max } = calibration.ranges[name]!;
  const ranges = { ...calibration.ranges, [name]: { min: min * factor, max: max * factor } };
  const compiled = compileFixture(FIXTURE, model, { ...calibration, ranges });
  const { values } = new ValueReader(compiled.program, compiled.meta, compiled.tensors).tensors(sample);
  const errors = await OwnErrors.open(bytes, FIXTURE, values, expected);
  const own = await errors.run(sample, values, expected);
  await errors.release();
  return {
    total: new Map(values.flatMap((v) => (own.has(v.name) ? [[v.name, valueError(v, expected[v.name]!.data as Float32Array)]] : []))),
    own,
  };
}

const largest = (errors: ReadonlyMap<string, ValueError>): [string, ValueError] =>
  [...errors].reduce((worst, one) => (one[1].relative > worst[1].relative ? one : worst));

describe('what a step adds by itself', () => {
  const NORM = '/norm/LayerNormalization_output_0';

  test('is small everywhere when scales fit, however much arrives', async () => {
    const { total, own } = await errorsWith(NORM, 1);
    expect(own.size).toBeGreaterThan(20);
    expect(largest(own)[1].relative).toBeLessThan(0.001);
    expect(largest(total)[1].relative).toBeGreaterThan(largest(own)[1].relative);
  });

  test.each([NORM, '/layers.0/attention/query/Add_output_0', '/layers.0/attention/MatMul_output_0', '/layers.0/Add_1_output_0', 'logits'])(
    'names %s when its scale saturates',
    async (name) => {
      const { total, own } = await errorsWith(name, 0.25);
      expect(largest(own)[0]).toBe(name);
      // Values behind it are off as well, though nothing is wrong with them.
      const off = [...total].filter(([, { relative }]) => relative > 0.005).length;
      const blamed = [...own].filter(([, { relative }]) => relative > 0.005).length;
      expect(blamed).toBe(1);
      expect(off).toBeGreaterThanOrEqual(blamed);
    },
  );
});
