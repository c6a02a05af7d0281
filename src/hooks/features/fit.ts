import type { Model, ValueInfo } from '../../onnx/model.ts';
import { elementCount } from '../../onnx/tensor.ts';
import type { Binding } from '../binding.ts';
import { checkBinding, embeddingRows, type Fail, type FittedBinding } from '../fit.ts';
import { padOf, type SyscallInput } from '../syscalls/binding.ts';
import type { FeatureInput } from './binding.ts';
import { planOf } from './plan.ts';

/** {@link checkBinding} for bindings of any kind. */
export const checkAnyBinding = (binding: Binding, model: Model, where?: string): FittedBinding | null =>
  checkBinding(binding, model, where, (input, ...rest) =>
    (input.kind === 'syscalls' ? checkCalls : checkFeatures)(input as never, ...rest),
  );

function checkCalls(input: SyscallInput, source: ValueInfo, model: Model, fail: Fail): void {
  const length = elementCount(source.dims);
  if (length !== input.length)
    fail('/input/length', `is ${input.length}, but model input \`${source.name}\` is [${source.dims.join(', ')}]: ${length} tokens`);
  const rows = /^u?int/.test(source.dtype) ? embeddingRows(model, source.name) : null;
  if (rows === null) fail('/input', `gives tokens, but model input \`${source.name}\` indexes no embedding`);
  if (rows! <= padOf(input)) fail('/input/calls', `gives tokens 0 to ${padOf(input)}, but the model's embedding has ${rows} rows`);
}

function checkFeatures(input: FeatureInput, source: ValueInfo, model: Model, fail: Fail): void {
  const { count, tokens } = planOf(input);
  const length = elementCount(source.dims);
  const shape = `model input \`${source.name}\` is [${source.dims.join(', ')}]`;
  if (length !== count) fail('/input', `gives ${count} numbers, but ${shape}: ${length} numbers`);
  if (!tokens) {
    if (!source.dtype.startsWith('float')) fail('/input', `gives floats, but model input \`${source.name}\` is ${source.dtype}`);
    return;
  }
  const rows = /^u?int/.test(source.dtype) ? embeddingRows(model, source.name) : null;
  if (rows === null) fail('/input/tokens', `gives tokens, but model input \`${source.name}\` indexes no embedding`);
  const needed = 2 * tokens.buckets + 1;
  if (rows! < needed) fail('/input/tokens/buckets', `gives tokens 0 to ${needed - 1}, but the model's embedding has ${rows} rows`);
}
