import type { ModelNodeView, ModelView } from './views.ts';

/**
 * What a row (first axis of the stored tensor) of a weight does at its node: it makes a column of the output, multiplies a column of
 * the input, or is what a token looks up. Null for operators without a rule.
 */
export type WeightRole = 'output' | 'input' | 'token';

const attr = (node: ModelNodeView, name: string): string | undefined => node.attrs.find((one) => one.name === name)?.text;

export function weightRole(node: ModelNodeView, weight: string): WeightRole | null {
  const input = node.inputs.indexOf(weight);
  const dims = node.weights.find(({ name }) => name === weight)?.dims;
  if (input < 0 || !dims) return null;
  switch (node.op) {
    case 'Gemm':
      if (input === 1) return attr(node, 'transB') === '1' ? 'output' : 'input';
      return input === 2 && dims.length === 1 ? 'output' : null;
    case 'MatMul':
      return input === 1 && dims.length === 2 ? 'input' : null;
    case 'Gather':
      return input === 0 && (attr(node, 'axis') ?? '0') === '0' ? 'token' : null;
    default: {
      // A bias or a scale: one value for each column.
      const columns = node.output?.dims.at(-1);
      return dims.length === 1 && dims[0]! > 1 && dims[0] === columns ? 'output' : null;
    }
  }
}

/** The nodes that read a weight, and what its rows do there. */
export function weightRow(model: ModelView, weight: string): readonly { readonly node: ModelNodeView; readonly role: WeightRole | null }[] {
  return model.nodes.flatMap((node) => (node.inputs.includes(weight) ? [{ node, role: weightRole(node, weight) }] : []));
}
