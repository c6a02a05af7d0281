import { describe, expect, it } from 'vitest';
import { NO_SCALING, pictureShape, pictures, resizePicture } from './pictures.ts';

const grey = (width: number, height: number, data: number[]) => ({ width, height, channels: 1 as const, data: Uint8Array.from(data) });
const input = (dims: number[], dtype: 'float32' | 'uint8' = 'float32') => ({ name: 'x', dtype, dims });

describe('pictures of another size', () => {
  it('are the mean of what each new pixel covers when they shrink, and as they were when nothing changes', () => {
    const flat = grey(8, 6, new Array(48).fill(77));
    expect([...resizePicture(flat, 3, 5).data]).toEqual(new Array(15).fill(77));
    const picture = grey(2, 2, [0, 100, 200, 44]);
    expect([...resizePicture(picture, 2, 2).data]).toEqual([0, 100, 200, 44]);
    expect([...resizePicture(picture, 1, 1).data]).toEqual([86]);
  });

  it('grow by mixing neighbours between the centres of pixels', () => {
    expect([...resizePicture(grey(2, 1, [0, 100]), 4, 1).data]).toEqual([0, 25, 75, 100]);
  });

  it('are refused without --resize, with both sizes', () => {
    const one = grey(2, 1, [0, 255]);
    expect(() => pictures([one], [input([1, 1, 4, 4])], 'p.png', NO_SCALING)).toThrow(
      'the picture is 2 × 1, but input `x` is [1, 1, 4, 4]',
    );
    expect(pictures([one], [input([1, 1, 4, 4])], 'p.png', { ...NO_SCALING, resize: true })[0]!.tensor.dims).toEqual([1, 1, 4, 4]);
  });
});

describe('where the channels stand', () => {
  it.each([
    [[1, 3, 32, 32], 'NCHW', 3],
    [[1, 32, 32, 3], 'NHWC', 3],
    [[1, 1, 28, 28], 'NCHW', 1],
    [[28, 28], null, 1],
  ] as const)('%j is %s', (dims, layout, channels) => {
    expect(pictureShape(input([...dims]))).toMatchObject({ layout, channels });
  });

  it('can be said where the shape leaves it open', () => {
    const colour = { width: 3, height: 3, channels: 3 as const, data: Uint8Array.from({ length: 27 }, (_, i) => i) };
    const of = (layout: 'NCHW' | 'NHWC') => [
      ...(pictures([colour], [input([1, 3, 3, 3], 'uint8')], 'p', { ...NO_SCALING, layout })[0]!.tensor.data as Float32Array),
    ];
    expect(of('NHWC')).toEqual(Array.from({ length: 27 }, (_, i) => i));
    expect(of('NCHW').slice(0, 3)).toEqual([0, 3, 6]);
  });

  it('colours become grey for a model of one channel, and grey all three', () => {
    const red = { width: 1, height: 1, channels: 3 as const, data: Uint8Array.of(255, 0, 0) };
    expect([...(pictures([red], [input([1, 1, 1, 1], 'uint8')], 'p', NO_SCALING)[0]!.tensor.data as Float32Array)]).toEqual([76]);
    expect([...(pictures([grey(1, 1, [9])], [input([1, 3, 1, 1], 'uint8')], 'p', NO_SCALING)[0]!.tensor.data as Float32Array)]).toEqual([
      9, 9, 9,
    ]);
  });
});
