import type { ModelNodeView, ModelView } from '../../../workbench/views.ts';

/** A node called `name`, whose kind is the last part of its name. */
export function nodeOf(index: number, name: string, inputs: readonly string[], change: Partial<ModelNodeView> = {}): ModelNodeView {
  const op = name.split('/').at(-1)!.replace(/_\d+$/, '');
  const output = `${name}_out`;
  return {
    ...{ index, name, op, domain: '', inputs, outputs: [output], attrs: [], weights: [] },
    output: { name: output, dtype: 'float32', dims: [1, 4] },
    ...change,
  };
}

export function modelWith(nodes: readonly ModelNodeView[]): ModelView {
  const last = nodes.at(-1)?.output;
  return {
    ...{ file: 'm.onnx', name: 'm', producer: '', opset: 17, parameterCount: 0 },
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4] }],
    outputs: last ? [last] : [],
    nodes,
  };
}

/** Nodes one after another, each reading the one before. */
export function chainModel(names: readonly string[]): ModelView {
  return modelWith(names.map((name, at) => nodeOf(at, name, [at === 0 ? 'x' : `${names[at - 1]}_out`])));
}
