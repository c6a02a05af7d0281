import { InputError } from '../base/errors.ts';
import type { Model } from '../onnx/model.ts';

/** Elements of one value: sixteen scratch entries of 32 KiB in int16. Nothing larger has ever come near the verifier's budget. */
const MAX_ELEMENTS = 2 ** 18;

/**
 * Refuses a model with values far beyond what a program can hold (a batch of a million), before hours go into calibrating it. Throws
 * {@link InputError} that names the value.
 */
export function checkSize(model: Model): void {
  for (const { name, dims } of model.values.values()) {
    if (model.initializers.has(name)) continue;
    const elements = dims.reduce((count, dim) => count * dim, 1);
    if (elements <= MAX_ELEMENTS) continue;
    const node = model.nodes.find(({ outputs }) => outputs.includes(name));
    throw new InputError(
      `value \`${name}\` would have the shape [${dims.join(', ')}]; a program holds at most ${MAX_ELEMENTS} elements of one value`,
      node ? `node ${node.name} (${node.op}, #${node.index})` : '',
      'Use a smaller batch or a shorter sequence',
    );
  }
}
