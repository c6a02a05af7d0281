import { InputError } from '../base/errors.ts';
import type { Model, Tensor, ValueInfo } from '../onnx/model.ts';
import { readTensorProto } from '../onnx/proto.ts';
import { elementCount, tensorOf } from '../onnx/tensor.ts';
import { readCsv } from '../traces/csv.ts';
import { readNpy } from '../traces/npy.ts';
import { isNpz, readNpz } from '../traces/npz.ts';
import { pictureFormat } from '../traces/picture-head.ts';
import { isPng, readPng } from '../traces/png.ts';
import { isSafetensors, readSafetensors } from '../traces/safetensors.ts';
import { npyTensor } from './inputs.ts';
import { NO_SCALING, pictures } from './pictures.ts';

/** An array of a file, for the model's input `name`; without a name for the only one. */
export interface NamedTensor {
  readonly name?: string;
  readonly tensor: Tensor;
  readonly where: string;
}

const isText = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, 512).every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);

/** Whether a file is one of tensors, by its first bytes or its name. */
export function isTensorFile(bytes: Uint8Array, name: string): boolean {
  return (
    isNpy(bytes) ||
    isNpz(bytes) ||
    isPng(bytes) ||
    isSafetensors(bytes) ||
    /\.(bmp|csv|gif|tsv|pb|jpe?g|npy|npz|safetensors|png|webp)$/i.test(name)
  );
}

const isNpy = (bytes: Uint8Array): boolean => bytes[0] === 0x93 && bytes[1] === 0x4e;

/** Arrays of a tensor file for a model. Throws {@link InputError} with the place in the file that is wrong. */
export function readTensors(bytes: Uint8Array, where: string, { inputs }: Pick<Model, 'inputs'>, scaling = NO_SCALING): NamedTensor[] {
  if (isNpy(bytes)) return only(npyTensor(readNpy(bytes, where)), inputs, where);
  if (isNpz(bytes)) return [...readNpz(bytes, where)].map(([name, array]) => ({ name, tensor: npyTensor(array), where }));
  if (isPng(bytes)) return pictures([readPng(bytes, where)], inputs, where, scaling);
  const format = pictureFormat(bytes);
  if (format) throw new InputError(`${format} pictures are not decoded here`, where, 'Convert it to PNG');
  if (isSafetensors(bytes)) {
    const tensors = [...readSafetensors(bytes, where)];
    if (tensors.length === 1 && inputs.length === 1) return only(tensors[0]![1], inputs, where);
    return tensors.map(([name, tensor]) => ({ name, tensor, where }));
  }
  if (/\.pb$/i.test(where)) {
    const proto = readTensorProto(bytes, where);
    const name = inputs.some((input) => input.name === proto.name) ? proto.name : undefined;
    const tensor = tensorOf(proto, where);
    if (tensor.dtype === 'string') throw new InputError('its elements are texts, and models take numbers', where);
    return [{ name, tensor: asBatch(tensor, inputs.find((input) => input.name === name) ?? inputs[0]!), where }];
  }
  const claimed = /\.(npy|npz|safetensors|png)$/i.exec(where)?.[1]?.toLowerCase();
  if (claimed) throw new InputError(`this is no .${claimed} file: it begins otherwise`, where);
  if (isText(bytes)) return table(new TextDecoder().decode(bytes), inputs, where);
  throw new InputError('its format is not known', where, 'Tensors are read from .npy, .npz, .safetensors, .pb, .csv and .png files');
}

function only(tensor: Tensor, inputs: readonly ValueInfo[], where: string): NamedTensor[] {
  if (inputs.length === 1) return [{ tensor, where }];
  const names = inputs.map(({ name }) => `\`${name}\``).join(', ');
  throw new InputError(
    `one array cannot fill the ${inputs.length} inputs ${names}`,
    where,
    'Give an .npz file with an array for each, or to `run` NAME=FILE for each',
  );
}

/** A tensor of exactly the input's shape is one input. */
function asBatch(tensor: Tensor, { dims }: ValueInfo): Tensor {
  const same = tensor.dims.length === dims.length && tensor.dims.every((dim, i) => dim === dims[i]);
  return same && dims[0] !== 1 ? { dtype: tensor.dtype, dims: [1, ...dims], data: tensor.data } : tensor;
}

/** Columns to inputs: one input takes all; of several each takes those that are called `NAME`, `NAME.0`, `NAME[0]`, … */
function table(text: string, inputs: readonly ValueInfo[], where: string): NamedTensor[] {
  const { columns, rows, data } = readCsv(text, where);
  const owner = (column: string): string => column.replace(/(\[\d+\]|\.\d+)$/, '');
  const known = new Set(inputs.map(({ name }) => name));
  const unknown = inputs.length > 1 ? columns.find((column) => !known.has(owner(column))) : undefined;
  if (unknown !== undefined)
    throw new InputError(`column ${JSON.stringify(unknown)} names none of the inputs ${[...known].join(', ')}`, where);
  return inputs.map(({ name, dims }) => {
    const own = columns.flatMap((column, i) => (inputs.length === 1 || owner(column) === name ? [i] : []));
    const wanted = elementCount(dims);
    if (own.length !== wanted)
      throw new InputError(`${own.length} columns go to input \`${name}\`, which takes ${wanted} numbers ([${dims.join(', ')}])`, where);
    const values = new Float64Array(rows * wanted);
    for (let row = 0; row < rows; row++)
      for (const [i, column] of own.entries()) values[row * wanted + i] = data[row * columns.length + column]!;
    return { name, tensor: { dtype: 'float64', dims: [rows, ...dims.filter((dim, i) => i > 0 || dim !== 1)], data: values }, where };
  });
}
