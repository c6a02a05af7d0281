import { describe, expect, test } from 'vitest';
import type { Model, Tensor } from '../onnx/model.ts';
import { Vm } from '../vm/vm.ts';
import type { Compiled, CompileOptions } from './api.ts';
import { compile } from './compile.ts';
import { SELECTION } from './families/select.ts';
import { recognise } from './graph/recognise.ts';
import { allParts } from './parts.ts';
import { loadOutput } from './testing/fixtures.ts';
import { floatCalibration } from './testing/float-calibration.ts';
import { randomEncoder } from './testing/random-model.ts';
import { plainHook } from './testing/tensor-hook.ts';

const parts = await allParts();
const KEY = new Uint8Array(4);
const shape = {
  sequence: 7,
  width: 8,
  heads: 2,
  hidden: 64,
  classes: 3,
  vocabulary: 9,
  activation: 'Relu',
  mask: 'none',
  pool: 'mean',
  fused: true,
  seed: 3,
} as const;

/** Every other weight of the products is zero, no row and no column is: dense ones of more than four bits stay in memory. */
function halfZero(model: Model): Model {
  const initializers = new Map(model.initializers);
  for (const { op, inputs } of model.nodes) {
    const weights = initializers.get(inputs[1] ?? '');
    if (op !== 'MatMul' || weights?.dims.length !== 2) continue;
    const n = weights.dims[1]!;
    const data = (weights.data as Float32Array).map((w, i) => ((Math.floor(i / n) + i) % 2 ? 0 : w));
    initializers.set(inputs[1]!, { ...weights, data } as Tensor);
  }
  return { ...model, initializers };
}

function compiled(options: Partial<CompileOptions>): { made: Compiled; samples: number[][] } {
  const model = halfZero(randomEncoder(shape));
  const samples = Array.from({ length: 4 }, (_, n) =>
    Array.from({ length: shape.sequence }, (_unused, i) => (i * 5 + n * 3) % shape.vocabulary),
  );
  const calibration = floatCalibration(
    recognise(model),
    samples.map((tokens) => new Map([['tokens', tokens]])),
  );
  const base = {
    model,
    modelFile: 'm.onnx',
    calibration,
    hook: plainHook,
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    parts,
  } as const;
  return { made: compile({ ...base, ...options }), samples };
}

function outputs({ made, samples }: ReturnType<typeof compiled>): number[][] {
  const vm = new Vm(made.program);
  return samples.map((tokens) => {
    const input = new Uint8Array(made.program.maps.find((m) => m.name === 'input')!.valueSize);
    new Uint16Array(input.buffer).set(tokens);
    vm.maps.get('input').update(KEY, input);
    vm.runXdp(new Uint8Array(64));
    return loadOutput(made, vm.maps.get('output').lookup(KEY) as Uint8Array);
  });
}

describe('--specialise', () => {
  test.each(['w8a16', 'w4a16', 'w2a16', 'w1a16'] as const)('%s: weights in code give the integers of weights in memory', (quant) => {
    const special = compiled({ quant, specialise: true });
    expect(special.made.meta.specialised).toBe(true);
    expect(special.made.program.subprogs.some(({ name }) => name.startsWith('imm_'))).toBe(true);
    expect(outputs(special)).toEqual(outputs(compiled({ quant })));
  });
  test('what is not asked for stays out of the code', () => {
    const { made } = compiled({});
    expect(made.meta.specialised).toBeUndefined();
    expect(made.program.subprogs.some(({ name }) => name.startsWith('imm_'))).toBe(false);
  });
});
