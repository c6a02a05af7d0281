import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import type { TensorSlot } from '../compiler/api.ts';
import { loadTensor, storeTensor } from './tensors.ts';

const slot = (elem: TensorSlot['elem'], count: number, byteOff: number, scale = 1): TensorSlot => ({
  name: 'x',
  dims: [count],
  elem,
  byteOff,
  scale,
  map: 'm',
});

const BYTES = { u16: 2, i16: 2, i32: 4, f32: 4 } as const;

test('a tensor comes back as it was stored, wherever its slot lies', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('i16' as const, 'i32' as const, 'u16' as const),
      fc.array(fc.integer({ min: 0, max: 32_767 }), { minLength: 1, maxLength: 40 }),
      fc.nat({ max: 64 }),
      (elem, numbers, byteOff) => {
        const value = new Uint8Array(byteOff + numbers.length * BYTES[elem]);
        const own = slot(elem, numbers.length, byteOff);
        storeTensor({ dtype: 'float32', dims: [numbers.length], data: Float32Array.from(numbers) }, own, value);
        expect([...loadTensor(own, value)]).toEqual(numbers);
        expect(value.subarray(0, byteOff).every((byte) => byte === 0)).toBe(true);
      },
    ),
  );
});

test('a map that is smaller than the tensor is an input error, and never a raw one', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('i16', 'i32', 'u16', 'f32'),
      fc.integer({ min: 1, max: 100 }),
      fc.nat({ max: 64 }),
      fc.nat(),
      (elem, count, byteOff, cut) => {
        const own = slot(elem as 'i16', count, byteOff);
        const whole = byteOff + count * BYTES[elem as 'i16'];
        const value = new Uint8Array(cut % whole);
        expect(() => loadTensor(own, value)).toThrow(InputError);
        const tensor = { dtype: 'float32', dims: [count], data: new Float32Array(count) } as const;
        expect(() => storeTensor(tensor, own, value)).toThrow(/the program keeps \d+ bytes where this tensor has \d+ from byte \d+ on/);
      },
    ),
  );
});
