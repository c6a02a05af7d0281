import { describe, expect, it } from 'vitest';
import { chooseClass, cutOf } from './compare.ts';

describe('a single output', () => {
  it('is cut at 0.5 where the model ends in Sigmoid and at 0 where it does not', () => {
    expect(cutOf([{ op: 'Gemm' }, { op: 'Sigmoid' }, { op: 'Reshape' }])).toBe(0.5);
    expect(cutOf([{ op: 'Sigmoid' }, { op: 'Gemm' }])).toBe(0);
    expect(chooseClass([0.4], 0.5)).toEqual({ index: 0, margin: expect.closeTo(0.1, 10) });
    expect(chooseClass([0.4], 0)).toEqual({ index: 1, margin: 0.4 });
    expect(chooseClass([1, 3, 2], 0.5)).toEqual({ index: 1, margin: 1 });
  });
});
