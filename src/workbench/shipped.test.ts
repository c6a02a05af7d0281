import { expect, it } from 'vitest';
import { decodeShipped, encodeShipped, type Shipped } from './shipped.ts';

it('brings arrays of every kind back to the bit', () => {
  const columns = {
    total: 3,
    done: 3,
    score: Float64Array.of(0.1, Number.NaN, -0),
    verdict: Uint8Array.of(1, 2, 255),
    outputs: Float32Array.of(1 / 3, Number.POSITIVE_INFINITY),
    outputWidth: 1,
    cut: 0,
  };
  const shipped = { replay: columns, verified: { visits: Uint32Array.of(0, 2 ** 32 - 1), message: null } } as unknown as Shipped;
  const back = decodeShipped(encodeShipped(shipped));
  expect(back).toEqual(shipped);
  expect(Object.is(back.replay.score[2], -0)).toBe(true);
});

it('refuses a kind of array that it does not know', () => {
  expect(() => decodeShipped('{"x":{"$array":"Map","base64":""}}')).toThrow('no kind of array is called Map');
});
