import type { Model } from '../../onnx/model.ts';

/** What a model does with its scores after the last matrix. Both keep their order, and the program draws from what stands before them. */
export type Ending = 'softmax' | 'log_softmax';
const ENDINGS: ReadonlyMap<string, Ending> = new Map([
  ['Softmax', 'softmax'],
  ['LogSoftmax', 'log_softmax'],
]);
const KEEPS = new Set(['Identity', 'Cast', 'Dropout']);

/** The output with scores: exports with a cache also give the keys and values that a caller would keep. */
export const scoresOutput = <T extends { readonly name: string }>(outputs: readonly T[]): T =>
  outputs.find(({ name }) => /logit|score/i.test(name)) ?? outputs[0]!;

/** A model without the softmax that its scores end in, and which one that was. */
export function withoutEnding(model: Model): { readonly model: Model; readonly ending: Ending | null } {
  const output = scoresOutput(model.outputs);
  let name = output.name;
  for (;;) {
    const node = model.nodes.find(({ outputs }) => outputs[0] === name);
    const before = node && model.values.get(node.inputs[0]!);
    if (!before) return { model, ending: null };
    const ending = ENDINGS.get(node.op);
    if (ending) {
      const axis = Number(node.attrs.get('axis') ?? (model.opset < 13 ? 1 : -1));
      const last = before.dims.length - 1;
      if (axis !== -1 && axis !== last) return { model, ending: null };
      const open = { ...output, dims: before.dims, name: before.name };
      return {
        model: {
          ...model,
          nodes: model.nodes.filter((other) => other !== node),
          outputs: model.outputs.map((other) => (other === output ? open : other)),
        },
        ending,
      };
    }
    if (!KEEPS.has(node.op)) return { model, ending: null };
    name = before.name;
  }
}
