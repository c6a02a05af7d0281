import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

interface Case {
  readonly mode: string;
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly attrs?: Readonly<Record<string, string | number>>;
  readonly opset?: number;
}

/** Coordinates, roundings and sizes that do and do not divide, as exporters write them. */
const CASES: readonly Case[] = [
  { mode: 'nearest', scales: [1, 1, 2, 3], attrs: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } },
  { mode: 'nearest', sizes: [1, 2, 7, 4], attrs: { nearest_mode: 'round_prefer_ceil' } },
  { mode: 'nearest', scales: [1, 1, 1.5, 0.6], opset: 13, attrs: { coordinate_transformation_mode: 'align_corners' } },
  { mode: 'linear', scales: [1, 1, 2, 2], attrs: { coordinate_transformation_mode: 'pytorch_half_pixel' }, opset: 11 },
  { mode: 'linear', scales: [1, 1, 2, 2] },
  { mode: 'linear', sizes: [1, 2, 9, 3], attrs: { coordinate_transformation_mode: 'align_corners' } },
  { mode: 'linear', scales: [1, 1, 0.75, 1.7], attrs: { coordinate_transformation_mode: 'asymmetric' }, opset: 19 },
  { mode: 'linear', scales: [1, 1, 2, 2], opset: 10 },
  { mode: 'cubic', scales: [1, 1, 2, 2] },
  { mode: 'cubic', sizes: [1, 2, 9, 11], attrs: { cubic_coeff_a: -0.5, exclude_outside: 1 } },
];

function model({ mode, scales, sizes, attrs = {}, opset = 17 }: Case): ModelSpec {
  const written: Record<string, AttrSpec> = { mode: { string: mode } };
  for (const [name, value] of Object.entries(attrs))
    written[name] = typeof value === 'string' ? { string: value } : Number.isInteger(value) ? { int: value } : { float: value };
  const initializers: Record<string, Tensor> = {};
  if (opset >= 11) initializers.roi = { dtype: 'float32', dims: [0], data: new Float32Array(0) };
  if (scales) initializers.scales = { dtype: 'float32', dims: [4], data: Float32Array.from(scales) };
  if (sizes) initializers.sizes = { dtype: 'int64', dims: [4], data: BigInt64Array.from(sizes, BigInt) };
  const inputs = opset < 11 ? ['x', 'scales'] : sizes ? ['x', 'roi', '', 'sizes'] : ['x', 'roi', 'scales'];
  return {
    opset,
    nodes: [{ op: 'Resize', inputs, outputs: ['y'], attrs: written }],
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 2, 6, 5] }],
    outputs: [{ name: 'y' }],
    initializers,
  };
}

describe.skipIf(!kernel)('Resize against ONNX Runtime, the kernel and both engines', () => {
  test.each(CASES)('%j', async (spec) => {
    const { refused, differing, exactError, error } = await judge(model(spec), { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(2e-3);
  });
});
