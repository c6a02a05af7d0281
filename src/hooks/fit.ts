import { InputError } from '../base/errors.ts';
import type { Model, Node, ValueInfo } from '../onnx/model.ts';
import { elementCount } from '../onnx/tensor.ts';
import type { ArgmaxOutput, Binding, PayloadInput, ThresholdOutput } from './binding.ts';
import type { FeatureInput } from './features/binding.ts';
import type { SyscallInput } from './syscalls/binding.ts';

/** Classes that a binding can tell apart. */
export const MAX_CLASSES = 64;

/** What the numbers of the output mean: unnormalised logits, probabilities that add up to 1, or one probability. */
export type OutputMeaning = 'logits' | 'probability';

/** A packet binding that fits its model, with everything that the model decides filled in. */
export interface FittedBinding {
  readonly binding: Binding;
  readonly input: PayloadInput | FeatureInput | SyscallInput;
  readonly output: ArgmaxOutput | ThresholdOutput;
  /** Model input that takes the tokens. */
  readonly inputName: string;
  /** Model output that decides. */
  readonly outputName: string;
  /** Elements of the output; 1 is a single logit or probability of class 1. */
  readonly classes: number;
  readonly meaning: OutputMeaning;
}

/**
 * Checks a binding against the model it is for. Gives what the hook and the reference need; null for a tensor binding, which fits
 * every model. Throws {@link InputError} that names both sides of a misfit.
 */
export function checkBinding(binding: Binding, model: Model, where = 'binding', features?: FeatureCheck): FittedBinding | null {
  const { input, output } = binding;
  if (input.kind === 'tensor' || output.kind === 'tensor') return null;
  const fail = (path: string, what: string, advice = ''): never => {
    throw new InputError(`${path} ${what}`, where, advice);
  };
  const source = choose(model.inputs, input.tensor, '/input/tensor', 'input', fail);
  const others = model.inputs.filter(({ name }) => name !== source.name);
  if (others.length > 0)
    fail('/input', `fills \`${source.name}\`, but the model also wants \`${others[0].name}\``, 'Export a model with one input');
  if (input.kind === 'payload') checkInput(input, source, model, fail);
  else if (features) features(input, source, model, fail);
  else fail('/input/kind', `"${input.kind}" is for the command line`, 'Use a payload binding here');
  const result = choose(model.outputs, output.tensor, '/output/tensor', 'output', fail);
  const classes = elementCount(result.dims);
  if (!result.dtype.startsWith('float')) fail('/output', `takes floats, but model output \`${result.name}\` is ${result.dtype}`);
  if (classes > MAX_CLASSES || classes !== (result.dims.at(-1) ?? 1)) {
    fail('/output', `takes one row of 1 to ${MAX_CLASSES} values, but model output \`${result.name}\` is [${result.dims.join(', ')}]`);
  }
  if (output.kind === 'argmax' && output.verdicts.length !== classes) {
    fail('/output/verdicts', `has ${output.verdicts.length} verdicts, but model output \`${result.name}\` has ${classes} classes`);
  }
  if (output.kind === 'threshold' && output.class >= Math.max(classes, 2)) {
    fail('/output/class', `is ${output.class}, but model output \`${result.name}\` has the classes 0 to ${Math.max(classes, 2) - 1}`);
  }
  const meaning = meaningOf(model, result.name);
  return { binding, input, output, inputName: source.name, outputName: result.name, classes, meaning };
}

export type Fail = (path: string, what: string, advice?: string) => never;
/** Checks an input of features or system calls against the model's input that it fills; handed in by those who take such bindings. */
export type FeatureCheck = (input: FeatureInput | SyscallInput, source: ValueInfo, model: Model, fail: Fail) => void;

function choose(values: readonly ValueInfo[], name: string | undefined, path: string, what: string, fail: Fail): ValueInfo {
  const names = values.map((value) => `\`${value.name}\``).join(', ');
  if (name !== undefined)
    return values.find((value) => value.name === name) ?? fail(path, `is "${name}", but the model's ${what}s are ${names}`);
  return values.length === 1 ? values[0] : fail(path, `is missing, and the model has ${values.length} ${what}s: ${names}`);
}

function checkInput(input: PayloadInput, source: ValueInfo, model: Model, fail: Fail): void {
  if (!/^u?int/.test(source.dtype)) {
    fail('/input', `gives tokens, but model input \`${source.name}\` is ${source.dtype}`, 'Use a model that begins with an embedding');
  }
  const length = elementCount(source.dims);
  if (length !== input.length) {
    fail('/input/length', `is ${input.length}, but model input \`${source.name}\` is [${source.dims.join(', ')}]: ${length} tokens`);
  }
  const rows = embeddingRows(model, source.name);
  if (rows === null) fail('/input', `gives tokens, but model input \`${source.name}\` indexes no embedding`);
  if (rows! < 256) fail('/input', `gives bytes 0 to 255, but the model's embedding has ${rows} rows`);
  if (input.pad >= rows!) fail('/input/pad', `is ${input.pad}, but the model's embedding has ${rows} rows, 0 to ${rows! - 1}`);
}

const KEEPS_TOKENS = new Set(['Cast', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Slice', 'Clip']);

/** Rows of the table that input `name` indexes through Gather, or null when it is no token input. */
export function embeddingRows(model: Model, name: string): number | null {
  const names = new Set([name]);
  for (const node of model.nodes) {
    if (node.op === 'Gather' && names.has(node.inputs[1])) {
      const axis = Number(node.attrs.get('axis') ?? 0);
      const { dims } = model.values.get(node.inputs[0])!;
      return dims[axis < 0 ? axis + dims.length : axis];
    }
    if (KEEPS_TOKENS.has(node.op) && names.has(node.inputs[0])) names.add(node.outputs[0]);
  }
  return null;
}

/** Ops that leave the meaning of a row of values as it is. */
export const KEEPS_MEANING: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Cast']);

function meaningOf(model: Model, output: string): OutputMeaning {
  let name = output;
  for (;;) {
    const node: Node | undefined = model.nodes.find(({ outputs }) => outputs.includes(name));
    if (node?.op === 'Softmax' || node?.op === 'Sigmoid') return 'probability';
    if (!node || !KEEPS_MEANING.has(node.op)) return 'logits';
    name = node.inputs[0];
  }
}
