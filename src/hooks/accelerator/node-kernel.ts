import type { Model, Node, Tensor, TensorData, ValueInfo } from '../../onnx/model.ts';
import { OpContext, type Shaped } from '../../onnx/ops/context.ts';
import { opDef } from '../../onnx/ops/table.ts';

/** The outputs of a node that exist. */
export const outputsOf = (node: Node): string[] => node.outputs.filter((name) => name !== '');

/**
 * A node's operator on real tensors, by the definition that also folds constants: sums in double precision, results rounded to the type of the output. Null
 * where we do not compute the operator, or this case of it.
 */
export function evaluateNode(
  node: Node,
  opset: number,
  lookup: (name: string) => Tensor | undefined,
  outs: readonly Shaped[],
): readonly TensorData[] | null {
  const def = opDef(node.domain, node.op);
  if (!def?.evaluate || outs.length < node.outputs.length) return null;
  const context = new OpContext(node, opset, 'accelerator', (name) => {
    const value = lookup(name);
    return value && { dtype: value.dtype, dims: value.dims, value };
  });
  return def.evaluate(context, outs);
}

export const infoOf = (model: Model, name: string): ValueInfo => model.values.get(name)!;
