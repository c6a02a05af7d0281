import { randomOf } from '../base/random.ts';
import type { Binding } from '../hooks/binding.ts';
import { embeddingRows } from '../hooks/fit.ts';
import type { Model, Tensor, ValueInfo } from '../onnx/model.ts';
import { allocate, elementCount, isFloat, isWide } from '../onnx/tensor.ts';
import type { Tensors } from './reference.ts';

/**
 * `count` sets of inputs for calibration without a trace: tokens uniform in their embedding's range (payload bytes of random length
 * and then padding where a binding says so), floats from the standard normal distribution, other integers and flags 1.
 */
export function generateInputs(model: Model, seed: number, count: number, binding?: Binding): Tensors[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, () =>
    Object.fromEntries(model.inputs.map((input) => [input.name, generate(model, input, random, binding)])),
  );
}

function generate(model: Model, input: ValueInfo, random: () => number, binding?: Binding): Tensor {
  const { dtype, dims } = input;
  const data = allocate(dtype, elementCount(dims)) as { [i: number]: number | bigint; readonly length: number };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const store = (i: number, value: number) => {
    data[i] = isWide(dtype) ? BigInt(value) : value;
  };
  if (isFloat(dtype)) for (let i = 0; i < data.length; i++) data[i] = normal();
  else if (binding?.input.kind === 'payload') {
    const { pad } = binding.input;
    const bytes = Math.floor(random() * (data.length + 1));
    for (let i = 0; i < data.length; i++) store(i, i < bytes ? Math.floor(random() * 256) : pad);
  } else {
    const rows = embeddingRows(model, input.name);
    for (let i = 0; i < data.length; i++) store(i, rows === null ? 1 : Math.floor(random() * rows));
  }
  return { dtype, dims, data: data as unknown as Tensor['data'] };
}
