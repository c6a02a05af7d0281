import { describe, expect, it } from 'vitest';
import { patchWeights } from './patch-weights.ts';
import { readModelProto } from './proto.ts';
import { WireWriter } from './write.ts';

/** A model with a raw float tensor, a packed one and an integer one; a field that nobody reads stands between them. */
function model(): Uint8Array {
  const raw = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  return new WireWriter()
    .int(1, 8)
    .message(7, (graph) =>
      graph
        .message(5, (tensor) => tensor.int(1, 2).int(1, 2).int(2, 1).string(8, 'raw').bytes(9, raw))
        .string(10, 'a remark')
        .message(5, (tensor) => tensor.int(1, 2).int(2, 1).float(4, 5).float(4, 6).string(8, 'listed'))
        .message(5, (tensor) => tensor.int(1, 1).int(2, 7).string(8, 'whole').bytes(9, new Uint8Array(8))),
    )
    .finish();
}

const floats = (bytes: Uint8Array, name: string): number[] => {
  const { rawData } = readModelProto(bytes, 'm').graph!.initializers.find((one) => one.name === name)!;
  return [...new Float32Array(rawData!.slice().buffer)];
};

describe('patchWeights', () => {
  it('changes the entries that are named and nothing else, the last edit of an entry counting', () => {
    const before = model();
    const after = patchWeights(before, 'm', [
      { tensor: 'raw', index: 2, value: 9 },
      { tensor: 'raw', index: 2, value: -1.5 },
      { tensor: 'listed', index: 1, value: 0.25 },
    ]);
    expect(floats(after, 'raw')).toEqual([1, 2, -1.5, 4]);
    expect(floats(after, 'listed')).toEqual([5, 0.25]);
    const [old, fresh] = [readModelProto(before, 'm').graph!, readModelProto(after, 'm').graph!];
    expect(fresh.initializers.map(({ dims, dataType, name }) => [dims, dataType, name])).toEqual(
      old.initializers.map(({ dims, dataType, name }) => [dims, dataType, name]),
    );
    expect(new TextDecoder('latin1').decode(after)).toContain('a remark');
    expect(patchWeights(before, 'm', [{ tensor: 'raw', index: 0, value: 1 }])).toEqual(before);
  });

  it('refuses what is not there by name', () => {
    const patch = (tensor: string, index: number) => () => patchWeights(model(), 'm', [{ tensor, index, value: 1 }]);
    expect(patch('gone', 0)).toThrow('no initializer gone');
    expect(patch('whole', 0)).toThrow('whole are not float32');
    expect(patch('raw', 4)).toThrow('initializer raw has 4 entries in the file, and none of number 4');
  });
});
