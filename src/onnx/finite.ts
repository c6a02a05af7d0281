import { InputError } from '../base/errors.ts';
import type { Node, Tensor } from './model.ts';
import { isFloat } from './tensor.ts';

/** Operators whose constants are weights; elsewhere an infinity may be a mask (added before a Softmax). */
const WEIGHT_OPS = new Set(['MatMul', 'Gemm', 'Gather', 'LayerNormalization', 'Einsum']);

/** Refuses constants that are not numbers: a training run that diverged, or a damaged file. Throws {@link InputError} naming node and tensor. */
export function checkFinite(nodes: readonly Node[], initializers: ReadonlyMap<string, Tensor>, file: string): void {
  const seen = new Set<string>();
  for (const node of nodes) {
    for (const name of node.inputs) {
      const tensor = initializers.get(name);
      if (!tensor || !isFloat(tensor.dtype)) continue;
      const infinityIsFine = !WEIGHT_OPS.has(node.op);
      const key = `${infinityIsFine} ${name}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const data = tensor.data as Float32Array;
      const at = infinityIsFine ? data.findIndex(Number.isNaN) : data.findIndex((value) => !Number.isFinite(value));
      if (at < 0) continue;
      throw new InputError(
        `element ${at} of initialiser \`${name}\` is ${data[at]}`,
        `${file}: node \`${node.name}\` (${node.op})`,
        'Train or export the model again',
      );
    }
  }
}
