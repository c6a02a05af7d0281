import { randomOf } from '../../base/random.ts';
import type { Model, Tensor } from '../../onnx/model.ts';

/**
 * The model with blocks of zeros in the matrices of its products: whole rows, whole columns (by which heads of `block` elements die or become constant) and single
 * blocks, each with probability `share`.
 */
export function pruned(model: Model, block: number, share: number, seed: number): Model {
  const random = randomOf(seed);
  const initializers = new Map(model.initializers);
  for (const { op, inputs } of model.nodes) {
    const weights = initializers.get(inputs[1] ?? '');
    if (op !== 'MatMul' || weights?.dims.length !== 2) continue;
    const [rows, columns] = weights.dims as [number, number];
    const data = Float32Array.from(weights.data as Float32Array);
    const lines = (n: number): Set<number> =>
      new Set(Array.from({ length: n }, (_, i) => i).filter((i) => i % block === 0 && random() < share));
    const [deadRows, deadColumns] = [lines(rows), lines(columns)];
    const start = (i: number): number => i - (i % block);
    const blocks = new Map<string, boolean>();
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const key = `${start(i)} ${start(j)}`;
        if (!blocks.has(key)) blocks.set(key, random() < share);
        if (deadRows.has(start(i)) || deadColumns.has(start(j)) || blocks.get(key)) data[i * columns + j] = 0;
      }
    initializers.set(inputs[1]!, { ...weights, data } as Tensor);
  }
  return { ...model, initializers };
}
