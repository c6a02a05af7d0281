import { isFeatureInput } from '../hooks/features/binding.ts';
import { FeatureExtractor } from '../hooks/features/extract.ts';
import { generateFeatures } from '../hooks/features/generate.ts';
import { planOf } from '../hooks/features/plan.ts';
import type { FittedBinding } from '../hooks/fit.ts';
import type { Model, Tensor, ValueInfo } from '../onnx/model.ts';
import type { Tensors } from '../reference/reference.ts';
import { type PacketInputs, packetInputs } from './inputs.ts';

/** What turns packets, in their order, into the model's inputs; of a binding with flows it remembers them. */
export function packetInputsOf(fitted: FittedBinding, model: Model): PacketInputs {
  const input = model.inputs.find(({ name }) => name === fitted.inputName)!;
  if (!isFeatureInput(fitted.input)) return (packet) => packetInputs(packet, fitted.binding, input);
  const extractor = new FeatureExtractor(planOf(fitted.input));
  return (packet, timeNs) => {
    const extracted = extractor.next(packet, timeNs ?? 0);
    return extracted && { [input.name]: tensorOf(extracted.numbers, input) };
  };
}

function tensorOf(numbers: Float32Array, { dtype, dims }: ValueInfo): Tensor {
  if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from(numbers, BigInt) };
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(numbers) };
  return { dtype, dims, data: dtype === 'float64' ? Float64Array.from(numbers) : numbers };
}

/** Inputs for calibration without a trace, of a binding with features. */
export function generatedFeatures(fitted: FittedBinding, model: Model, seed: number, count: number): Tensors[] | null {
  if (!isFeatureInput(fitted.input)) return null;
  const input = model.inputs.find(({ name }) => name === fitted.inputName)!;
  return generateFeatures(fitted.input, seed, count).map((numbers) => ({ [input.name]: tensorOf(numbers, input) }));
}
