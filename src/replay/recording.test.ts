import { describe, expect, it } from 'vitest';
import type { Reference } from '../reference/reference.ts';
import { compareRecorded, eventsOfRecording } from './recorded.ts';
import { readRecording, recordValues, writeRecording } from './recording.ts';

const input = (values: number[]) => ({ x: { dtype: 'float32' as const, dims: [1, 2], data: Float32Array.from(values) } });
/** Doubles its input, and masks with −∞. */
const reference = {
  outputNames: ['y', 'masked'],
  run: async ({ x }: { x: { data: Float32Array } }) => ({
    y: { dtype: 'float32', dims: [1, 2], data: x.data.map((value) => value * 2) },
    masked: { dtype: 'float32', dims: [2], data: Float32Array.of(x.data[0]!, Number.NEGATIVE_INFINITY) },
  }),
} as unknown as Reference;

describe('a recording of tensors', () => {
  it.each(['npz', 'safetensors'] as const)('as %s says what was recorded, of which events, and where others differ', async (format) => {
    const events = [
      { index: 3, inputs: input([1, 2]) },
      { index: 7, inputs: input([-4, 5]) },
    ];
    const back = readRecording(writeRecording(await recordValues(reference, events), format), 'file');
    expect(eventsOfRecording(back)).toEqual([3, 7]);
    expect([...back.get('y')!.data]).toEqual([2, 4, -8, 10]);
    expect(back.get('y')!.shape).toEqual([2, 1, 2]);
    const same = compareRecorded(back, 1, new Map([['y', [-8, 10]]]));
    expect(same).toEqual([{ name: 'y', elements: 2, maxAbs: 0, meanAbs: 0, range: 10 }]);
    expect(compareRecorded(back, 0, new Map([['y', [2, 4.5]]]))[0]).toMatchObject({ maxAbs: 0.5, meanAbs: 0.25, range: 4 });
    expect(compareRecorded(back, 0, new Map([['y', [2, Number.NaN]]]))[0]!.maxAbs).toBeNaN();
    expect(compareRecorded(back, 0, new Map([['masked', [1, -1e9]]]))[0]).toMatchObject({ elements: 1, maxAbs: 0 });
    expect(compareRecorded(back, 0, new Map([['y', [1, 2, 3]]]))).toEqual([]);
  });

  it('is refused in words where a file is none', () => {
    expect(() => readRecording(new Uint8Array([1, 2, 3, 4]), 'x.npz')).toThrow('no .npz and no .safetensors');
  });
});
