import { InputError } from '../base/errors.ts';
import type { DType, ValueInfo } from './model.ts';
import type { GraphProto, ValueInfoProto } from './proto.ts';
import { dtypeOf } from './tensor.ts';

/** A model input as the file declares it: a dimension is a number or the name of a symbol. */
export interface SymbolicInput {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string)[];
}

/** Inputs that a caller must give: those of the graph without an initialiser of the same name. Unnamed dimensions get names. */
export function symbolicInputs(graph: GraphProto, file: string): SymbolicInput[] {
  const initial = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs
    .filter(({ name }) => !initial.has(name))
    .map((info) => ({ name: info.name, dtype: inputType(info, file), dims: inputDims(info, file) }));
}

function inputType(info: ValueInfoProto, file: string): DType {
  const where = `${file}: input \`${info.name}\``;
  if (!info.isTensor) throw new InputError('it is a sequence, map or optional; only tensors are supported', where);
  return dtypeOf(info.elemType, where);
}

function inputDims(info: ValueInfoProto, file: string): (number | string)[] {
  if (!info.dims) {
    throw new InputError('the file gives no shape for it', `${file}: input \`${info.name}\``, 'Export the model with an example input');
  }
  return info.dims.map((dim, axis) => (typeof dim === 'string' ? dim : dim || `${info.name}_dim${axis}`));
}

/** Symbols in the order in which the inputs name them. */
export const symbolsOf = (inputs: readonly SymbolicInput[]): string[] => [
  ...new Set(inputs.flatMap(({ dims }) => dims.filter((dim) => typeof dim === 'string'))),
];

const BATCH = /batch|^(n|b|bs)$/i;
const SEQUENCE = /seq|len|token|time|word|position|^(s|t|l)$/i;

/** A size for each symbol that suits most models: batch-like 1, sequence-like 32, otherwise by position. */
export function suggestedDims(inputs: readonly SymbolicInput[]): Record<string, number> {
  const suggested: Record<string, number> = {};
  for (const { dims } of inputs) {
    dims.forEach((dim, axis) => {
      if (typeof dim !== 'string' || Object.hasOwn(suggested, dim)) return;
      suggested[dim] = BATCH.test(dim) ? 1 : SEQUENCE.test(dim) ? 32 : axis === 0 ? 1 : 32;
    });
  }
  return suggested;
}

/** Inputs with every symbol replaced; throws {@link InputError} for missing, unknown and impossible sizes. */
export function concreteInputs(inputs: readonly SymbolicInput[], given: Readonly<Record<string, number>>, file: string): ValueInfo[] {
  const symbols = symbolsOf(inputs);
  const missing = symbols.filter((name) => !Object.hasOwn(given, name));
  if (missing.length > 0) {
    const suggested = suggestedDims(inputs);
    const names = missing.map((name) => `\`${name}\``).join(', ');
    throw new InputError(
      `the size of dimension ${names} is not fixed`,
      file,
      `Pass ${missing.map((name) => `--dim ${name}=${suggested[name]}`).join(' ')}`,
    );
  }
  for (const [name, size] of Object.entries(given)) {
    if (!symbols.includes(name)) {
      const known = symbols.length > 0 ? `it has ${symbols.map((s) => `\`${s}\``).join(', ')}` : 'all its dimensions are fixed';
      throw new InputError(`the model has no dimension \`${name}\`: ${known}`, file);
    }
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 31) {
      throw new InputError(`dimension \`${name}\` cannot be ${size}`, file, 'Give a whole number from 1 on');
    }
  }
  return inputs.map(({ name, dtype, dims }) => ({ name, dtype, dims: dims.map((dim) => (typeof dim === 'string' ? given[dim] : dim)) }));
}
