import { InputError } from '../base/errors.ts';
import type { TensorSlot } from '../compiler/api.ts';
import { BYTES } from '../compiler/slots.ts';
import type { Tensor } from '../onnx/model.ts';
import { elementCount } from '../onnx/tensor.ts';

const RANGE = { u16: [0, 65_535], i16: [-32_768, 32_767], i32: [-2_147_483_648, 2_147_483_647], f32: [-Infinity, Infinity] } as const;
const MAX_TOKENS = 65_536;

/**
 * Writes a tensor into a slot of `target` as the program reads it: tokens as they are, floats as float32 or divided by the slot's scale, rounded and
 * limited to the element's range. Throws {@link InputError} when the shape differs or a token does not fit.
 */
export function storeTensor(tensor: Tensor, slot: TensorSlot, target: Uint8Array): void {
  const count = elementCount(slot.dims);
  if (tensor.data.length !== count) {
    throw new InputError(
      `it has ${tensor.data.length} elements; the program takes ${count} (shape [${slot.dims.join(', ')}])`,
      `input \`${slot.name}\``,
    );
  }
  const view = viewOf(slot, target);
  const [min, max] = RANGE[slot.elem];
  for (let i = 0; i < count; i++) {
    const value = Number(tensor.data[i]);
    let stored = value;
    if (slot.elem === 'f32') {
      if (!Number.isFinite(value) && !slot.missing) throw new InputError(`element ${i} is ${value}`, `input \`${slot.name}\``);
      view.setFloat32(i * 4, value, true);
      continue;
    }
    if (slot.elem === 'u16') {
      const tokens = slot.vocabulary ?? MAX_TOKENS;
      if (!Number.isInteger(value) || value < 0 || value >= tokens) {
        throw new InputError(`element ${i} is ${value}; tokens go from 0 to ${tokens - 1}`, `input \`${slot.name}\``);
      }
    } else if (Number.isNaN(value)) throw new InputError(`element ${i} is NaN`, `input \`${slot.name}\``);
    else stored = Math.min(max, Math.max(min, Math.round(value / slot.scale))) || 0;
    if (slot.elem === 'i32') view.setInt32(i * 4, stored, true);
    else if (slot.elem === 'i16') view.setInt16(i * 2, stored, true);
    else view.setUint16(i * 2, stored, true);
  }
}

/** Reads a slot back as real numbers: scale × integer. */
export function loadTensor(slot: TensorSlot, source: Uint8Array): Float64Array {
  const count = elementCount(slot.dims);
  const view = viewOf(slot, source);
  return Float64Array.from({ length: count }, (_, i) => {
    if (slot.elem === 'f32') return view.getFloat32(i * 4, true);
    if (slot.classes) return classValue(slot.classes, view.getInt32(i * 4, true));
    if (slot.elem === 'i32') return view.getInt32(i * 4, true) * slot.scale;
    return (slot.elem === 'i16' ? view.getInt16(i * 2, true) : view.getUint16(i * 2, true)) * slot.scale;
  });
}

/** The slot's part of a map's value. Throws {@link InputError} where a program that was edited, or is another one, has a smaller map. */
function viewOf({ name, dims, elem, byteOff }: TensorSlot, value: Uint8Array): DataView {
  const bytes = elementCount(dims) * BYTES[elem];
  if (byteOff + bytes > value.length)
    throw new InputError(
      `the program keeps ${value.length} bytes where this tensor has ${bytes} from byte ${byteOff} on`,
      `tensor \`${name}\``,
      'Undo what was edited in the program’s maps, or open the model that it was made of',
    );
  return new DataView(value.buffer, value.byteOffset + byteOff, bytes);
}

/** The number that a class's label is; its index where labels are texts. */
function classValue(classes: NonNullable<TensorSlot['classes']>, index: number): number {
  const label = classes[index];
  return typeof label === 'number' ? label : index;
}
