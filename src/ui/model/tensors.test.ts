import { expect, it } from 'vitest';
import { edgeLabel, formatReal, integerText, scaleText, tensorTable } from './tensors.ts';
import { modelWith, nodeOf } from './testing/models.ts';

const weight = { name: 'w', dtype: 'float32', dims: [4, 2] };
const model = modelWith([
  nodeOf(0, '/MatMul', ['x', 'w'], { weights: [weight] }),
  nodeOf(1, '/Split', ['/MatMul_out'], {
    outputs: ['a', 'b'],
    output: { name: 'a', dtype: 'float32', dims: [1, 2] },
    moreOutputs: [{ name: 'b', dtype: 'int64', dims: [1, 3] }],
  }),
  nodeOf(2, '/Add', ['a', 'b']),
]);

it('knows who makes and reads every tensor, with its bytes', () => {
  const table = tensorTable(model, null, null);
  expect(table.get('x')).toMatchObject({ kind: 'input', from: null, to: [0], bytes: 16 });
  expect(table.get('w')).toMatchObject({ kind: 'weight', from: null, to: [0], bytes: 32 });
  expect(table.get('b')).toMatchObject({ kind: 'value', from: 1, to: [2], bytes: 24 });
});

it('says the integers of values and weights, and ranges, where they are known', () => {
  const integers = {
    values: [{ name: 'a', elem: 'i16' as const, scale: 1 / 4096, max: 32767, shares: false }],
    weights: [{ name: 'w', axis: 1, elem: 'i8' as const, max: 127, scales: Float64Array.of(0.002, 0.00003) }],
  };
  const table = tensorTable(model, integers, { a: { min: -1.5, max: 2 } });
  expect(integerText(table.get('a')!)).toBe('int16, scale 1/4096');
  expect(integerText(table.get('w')!)).toBe('int8, 2 scales 3.00e-5 … 0.00200');
  expect(integerText(table.get('b')!)).toBeNull();
  expect(table.get('a')!.range).toEqual({ min: -1.5, max: 2 });
  expect(edgeLabel(table.get('a')!)).toBe('1×2 i16 1/4096');
  expect(edgeLabel(table.get('b')!)).toBe('1×3 i64');
});

it('writes numbers in few digits', () => {
  expect([0, -0.03125, 12345.678, 1.5e-7, -2e9, Number.NaN].map(formatReal)).toEqual([
    '0',
    '−0.03125',
    '12350',
    '1.50e-7',
    '−2.00e9',
    'NaN',
  ]);
  expect([1, 0.5, 1 / 1024, 0.0123, 0.00005].map(scaleText)).toEqual(['1', '1/2', '1/1024', '0.0123', '5.00e-5']);
});
