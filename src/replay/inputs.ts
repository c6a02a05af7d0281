import { InputError } from '../base/errors.ts';
import type { Binding } from '../hooks/binding.ts';
import { tokensOf } from '../hooks/tokens.ts';
import type { DType, Model, Tensor, ValueInfo } from '../onnx/model.ts';
import type { Tensors } from '../reference/reference.ts';
import type { NpyArray, NpyDtype } from '../traces/npy.ts';
import { splitInputs } from './split-inputs.ts';

/** A packet's inputs for the reference; null for a packet that has nothing for the model. `timeNs`: when it came, of any origin. */
export type PacketInputs = (packet: Uint8Array, timeNs?: number) => Tensors | null;

/** Tokens of one packet as the reference takes them; null for a packet without the binding's layer. */
export function packetInputs(packet: Uint8Array, binding: Binding, input: ValueInfo): Tensors | null {
  const tokens = tokensOf(packet, binding);
  if (!tokens) return null;
  const { dtype, dims } = input;
  if (dtype === 'int64') return { [input.name]: { dtype, dims, data: BigInt64Array.from(tokens, BigInt) } };
  if (dtype === 'int32') return { [input.name]: { dtype, dims, data: Int32Array.from(tokens) } };
  if (dtype === 'float32') return { [input.name]: { dtype, dims, data: Float32Array.from(tokens) } };
  throw new InputError(`input \`${input.name}\` has type ${dtype}; payload bytes can be int64, int32 or float32`, 'model');
}

/**
 * Named arrays of N inputs each as N sets of inputs. A single array without a name goes to the only input. Throws
 * {@link InputError} when an input is missing, unknown, or their counts differ.
 */
export function tensorInputs(model: Pick<Model, 'inputs'>, arrays: readonly { name?: string; tensor: Tensor; where: string }[]): Tensors[] {
  const columns = model.inputs.map((input) => {
    const own = arrays.filter((array) => (array.name === undefined ? model.inputs.length === 1 : array.name === input.name));
    if (own.length !== 1)
      throw new InputError(`${own.length} arrays are given for input \`${input.name}\``, 'inputs', 'Give one as NAME=X.npy');
    return { name: input.name, values: splitInputs(own[0].tensor, input, own[0].where) };
  });
  const unknown = arrays.find((array) => array.name !== undefined && !model.inputs.some((input) => input.name === array.name));
  if (unknown) throw new InputError(`the model has no input \`${unknown.name}\``, unknown.where);
  const count = columns[0]?.values.length ?? 0;
  const other = columns.find((column) => column.values.length !== count);
  if (other)
    throw new InputError(`input \`${other.name}\` has ${other.values.length} entries, \`${columns[0].name}\` has ${count}`, 'inputs');
  return Array.from({ length: count }, (_, i) => Object.fromEntries(columns.map(({ name, values }) => [name, values[i]])));
}

const DTYPE_OF_NPY = {
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
} as const satisfies Record<NpyDtype, DType>;

/** An array of a file as a tensor. */
export const npyTensor = ({ dtype, shape, data }: NpyArray): Tensor => ({ dtype: DTYPE_OF_NPY[dtype], dims: shape, data });
