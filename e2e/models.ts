/** A few bytes of ONNX by hand (onnx.proto3), for models that no exporter would write. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const int = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const message = (field: number, bytes: readonly number[]): number[] => [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
const text = (field: number, value: string): number[] => message(field, [...Buffer.from(value)]);

const floats = (name: string, dims: readonly number[]): number[] => [
  ...text(1, name),
  ...message(
    2,
    message(1, [
      ...int(1, 1),
      ...message(
        2,
        dims.flatMap((dim) => message(1, int(1, dim))),
      ),
    ]),
  ),
];

/** One node of operator `op`, called `name`, from x to y, both of one shape. */
export function singleNodeModel(op: string, name: string, dims: readonly number[] = [1, 4]): Buffer {
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(3, name), ...text(4, op)];
  const graph = [...message(1, node), ...text(2, 'g'), ...message(11, floats('x', dims)), ...message(12, floats('y', dims))];
  return Buffer.from([...int(1, 8), ...message(7, graph), ...message(8, int(2, 17))]);
}

/** A TensorProto with its data as raw bytes; `dtype` by its number in TensorProto.DataType. */
export function tensorProto(dtype: number, dims: readonly number[], raw: Uint8Array): Buffer {
  return Buffer.from([...dims.flatMap((dim) => int(1, dim)), ...int(2, dtype), ...message(9, [...raw])]);
}
