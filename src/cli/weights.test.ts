import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { swapped } from '../compiler/weights-file.ts';
import type { Tensor } from '../onnx/model.ts';
import { encodeModel } from '../onnx/testing/encode-model.ts';
import { createReference } from '../reference/reference.ts';
import { ModelRunner } from '../replay/runner.ts';
import { openObject } from './object.ts';
import { call, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const floats = (dims: number[], phase: number): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(phase + i * 1.7) * phase),
});

/** Two layers with a table between them; `phase` decides every weight, `hidden` the shape. */
const mlp = (phase: number, hidden = 12, activation = 'Tanh'): Uint8Array =>
  encodeModel({
    opset: 17,
    nodes: [
      { op: 'MatMul', name: '/in', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Add', name: '/bias', inputs: ['h', 'b'], outputs: ['hb'] },
      { op: activation, name: '/act', inputs: ['hb'], outputs: ['a'] },
      { op: 'MatMul', name: '/out', inputs: ['a', 'v'], outputs: ['y'] },
    ],
    inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 8] }],
    outputs: [{ name: 'y' }],
    initializers: { w: floats([8, hidden], phase), b: floats([hidden], phase), v: floats([hidden, 3], phase) },
  });

const x: Tensor = { dtype: 'float32', dims: [1, 8], data: Float32Array.from([0.3, -1, 0.7, 0.1, -0.4, 0.9, -0.2, 0.5]) };

describe('weights for a loaded program', () => {
  const old = scratch.write('old.onnx', mlp(0.5));
  const object = scratch.path('old.o');
  const file = scratch.path('w.bin');

  it('make the program compute what the new model does, in the unit of the old outputs', async () => {
    expect((await call('compile', old, '-o', object, '--dim', 'batch=1')).status).toBe(0);
    const fresh = mlp(2);
    const { value } = await json<{ bytes: number }>('weights', scratch.write('new.onnx', fresh), '--for', object, '-o', file);
    const bytes = new Uint8Array(readFileSync(file));
    expect(value.bytes).toBe(bytes.length);
    const { program, meta } = openObject(object, undefined).compiled;
    const runner = new ModelRunner(program, meta);
    const weights = runner.vm.maps.get('.data.weights');
    const before = [...runner.runTensors({ x }).outputs!.y!];
    weights.update(new Uint8Array(4), swapped(weights.lookup(new Uint8Array(4))!, bytes, 'w.bin'));
    const after = [...runner.runTensors({ x }).outputs!.y!];
    for (const [model, got] of [
      [mlp(0.5), before],
      [fresh, after],
    ] as const) {
      const reference = await createReference(model);
      const want = Array.from((await reference.run({ x })).y!.data as Float32Array);
      const range = Math.max(...want.map(Math.abs));
      for (const [i, value] of want.entries()) expect(Math.abs(got[i]! - value)).toBeLessThan(0.01 * range);
      await reference.release();
    }
    expect(Math.abs(before[0]! - after[0]!)).toBeGreaterThan(0.1);
  }, 60_000);

  it.each([
    ['another width', mlp(1, 16), /node \/in \(MatMul\) gives the shape \[1, 16\], in the program \[1, 12\]/],
    ['another operator', mlp(1, 12, 'Sigmoid'), /node \/act is Sigmoid, in the program Tanh/],
  ])('of %s are refused with the first difference', async (name, model, message) => {
    const { status, err } = await call('weights', scratch.write(`${name}.onnx`, model), '--for', object, '-o', file);
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });
});
