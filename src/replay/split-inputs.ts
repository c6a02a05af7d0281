import { InputError } from '../base/errors.ts';
import type { Tensor, TensorData, ValueInfo } from '../onnx/model.ts';
import { allocate, elementCount } from '../onnx/tensor.ts';

/**
 * The N inputs that a file holds along its first axis, each in the shape and type of the model's input: a leading axis of 1 that the
 * file lacks is added. Throws {@link InputError} when the rest of the shape differs.
 */
export function splitInputs(file: Tensor, input: ValueInfo, where: string): Tensor[] {
  const [n, ...rest] = file.dims;
  const wanted = elementCount(input.dims);
  const trimmed = (dims: readonly number[]): string => dims.filter((dim) => dim !== 1).join(', ');
  if (n === undefined || trimmed(rest) !== trimmed(input.dims)) {
    throw new InputError(
      `the array has shape [${file.dims.join(', ')}], the model's input \`${input.name}\` takes [${input.dims.join(', ')}]`,
      where,
      `Give N inputs along the first axis: [N, ${input.dims.filter((dim, i) => i > 0 || dim !== 1).join(', ')}]`,
    );
  }
  const data = convert(file.data, input.dtype, where);
  return Array.from({ length: n }, (_, i) => ({
    dtype: input.dtype,
    dims: input.dims,
    data: data.subarray(i * wanted, (i + 1) * wanted) as TensorData,
  }));
}

type Convertible = Exclude<TensorData, BigUint64Array> | BigUint64Array;

/** Elements in the model's type; a fraction where the model takes whole numbers is an error. */
function convert(data: TensorData, dtype: string, where: string): Convertible {
  const values = data as ArrayLike<number | bigint>;
  const whole = (value: number | bigint, i: number): number => {
    const number = Number(value);
    if (!Number.isInteger(number)) throw new InputError(`element ${i} is ${number}; the model takes whole numbers`, where);
    return number;
  };
  switch (dtype) {
    case 'float32':
      return data instanceof Float32Array ? data : Float32Array.from(values, Number);
    case 'float64':
      return data instanceof Float64Array ? data : Float64Array.from(values, Number);
    case 'int64':
      return data instanceof BigInt64Array
        ? data
        : BigInt64Array.from(values, (value, i) => (typeof value === 'bigint' ? value : BigInt(whole(value, i))));
    case 'int32':
      return data instanceof Int32Array ? data : Int32Array.from(values, whole);
    case 'bool':
      return Uint8Array.from(values, (value) => (Number(value) !== 0 ? 1 : 0));
    case 'float16':
      return Float32Array.from(values, Number);
    case 'uint8':
    case 'int8':
    case 'uint16':
    case 'int16':
    case 'uint32':
    case 'uint64': {
      const made = allocate(dtype, data.length) as Convertible;
      const set = made as unknown as Record<number, number | bigint>;
      for (let i = 0; i < data.length; i++) {
        const value = whole(values[i]!, i);
        set[i] = dtype === 'uint64' ? BigInt(value) : value;
        if (Number(set[i]) !== value) throw new InputError(`element ${i} is ${value}, which ${dtype} does not hold`, where);
      }
      return made;
    }
    default:
      throw new InputError(`the model's input has type ${dtype}, for which files cannot be read`, where);
  }
}
