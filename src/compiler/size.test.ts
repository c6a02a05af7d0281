import { describe, expect, it } from 'vitest';
import type { Model, ValueInfo } from '../onnx/model.ts';
import { checkSize } from './size.ts';

const modelWith = (batch: number): Model => {
  const value = (name: string): ValueInfo => ({ name, dtype: 'float32', dims: [batch, 16, 32] });
  const node = { index: 0, name: '/add', op: 'Add', domain: '', inputs: ['x', 'big'], outputs: ['y'], attrs: new Map() };
  return {
    nodes: [node],
    inputs: [value('x')],
    outputs: [value('y')],
    initializers: new Map([['big', { dtype: 'float32', dims: [4096, 4096], data: new Float32Array() }]]),
    values: new Map([value('x'), value('y'), { name: 'big', dtype: 'float32' as const, dims: [4096, 4096] }].map((v) => [v.name, v])),
    name: '',
    producer: '',
    opset: 17,
    folded: new Map(),
    allNodes: [node],
    parameterCount: 0,
  };
};

describe('the size of a model', () => {
  it('lets weights be as large as they are', () => {
    expect(() => checkSize(modelWith(1))).not.toThrow();
  });
  it('refuses values that no program holds', () => {
    expect(() => checkSize(modelWith(1_000_000))).toThrow(/`x` would have the shape \[1000000, 16, 32\].*smaller batch/);
  });
});
