/** ONNX files of any depth, written by hand (onnx.proto3): layers of twelve operators with residual paths and parallel branches. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const int = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const message = (field: number, bytes: readonly number[]): number[] => [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
const text = (field: number, value: string): number[] => message(field, [...Buffer.from(value)]);

const FLOAT = 1;
const DIMS = [1, 8, 8];

/** ValueInfoProto of a float tensor [1, 8, 8]. */
function value(name: string): number[] {
  const shape = DIMS.flatMap((dim) => message(1, int(1, dim)));
  return [...text(1, name), ...message(2, message(1, [...int(1, FLOAT), ...message(2, shape)]))];
}

/** A layer as exporters unroll it: three branches that meet twice, a residual path around each half. */
const LAYER: readonly (readonly [name: string, op: string, inputs: readonly string[]])[] = [
  ['norm1/Tanh', 'Tanh', ['x']],
  ['attn/q/Relu', 'Relu', ['norm1/Tanh']],
  ['attn/k/Sigmoid', 'Sigmoid', ['norm1/Tanh']],
  ['attn/v/Neg', 'Neg', ['norm1/Tanh']],
  ['attn/MatMul', 'MatMul', ['attn/q/Relu', 'attn/k/Sigmoid']],
  ['attn/Softmax', 'Softmax', ['attn/MatMul']],
  ['attn/MatMul_1', 'MatMul', ['attn/Softmax', 'attn/v/Neg']],
  ['Add', 'Add', ['attn/MatMul_1', 'x']],
  ['ffn/Abs', 'Abs', ['Add']],
  ['ffn/Relu', 'Relu', ['ffn/Abs']],
  ['ffn/Mul', 'Mul', ['ffn/Relu', 'ffn/Abs']],
  ['Add_1', 'Add', ['ffn/Mul', 'Add']],
];

/** A model of `layers` layers; with `named` false, node names say nothing, as after some optimisers. */
export function layeredModel(layers: number, { named = true }: { named?: boolean } = {}): { bytes: Uint8Array; nodes: number } {
  const graph: number[][] = [];
  let from = 'x';
  let count = 0;
  for (let layer = 0; layer < layers; layer++) {
    const tensor = (name: string) => (name === 'x' ? from : `/encoder/layers.${layer}/${name}_output_0`);
    for (const [name, op, inputs] of LAYER) {
      const node = [
        ...inputs.flatMap((input) => text(1, tensor(input))),
        ...text(2, tensor(name)),
        ...text(3, named ? `/encoder/layers.${layer}/${name}` : `n${count}`),
        ...text(4, op),
      ];
      graph.push(message(1, node));
      count++;
    }
    from = tensor('Add_1');
  }
  graph.push(text(2, 'layers'), message(11, value('x')), message(12, value(from)));
  const body = Buffer.concat(graph.map((part) => Buffer.from(part)));
  const bytes = Buffer.concat([
    Buffer.from(int(1, 8)),
    Buffer.from([...varint((7 << 3) | 2), ...varint(body.length)]),
    body,
    Buffer.from(message(8, int(2, 17))),
  ]);
  return { bytes: new Uint8Array(bytes), nodes: count };
}
