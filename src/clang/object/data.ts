import { InputError } from '../../base/errors.ts';
import type { Value } from '../llvm-ir/module.ts';
import { elementAt, sizeOf } from '../llvm-ir/types.ts';

/** Loaders make maps of variables: a larger one is a mistake, and would be written out byte by byte. */
export const MOST_VARIABLE_BYTES = 2 ** 26;
/** No loader aligns a variable to more than a page, and the file would be filled up to it. */
export const MOST_ALIGN_BYTES = 4096;

/** Contents of a variable and the addresses in it, which a loader fills in. */
export interface Contents {
  readonly bytes: Uint8Array;
  readonly addresses: readonly { readonly at: number; readonly symbol: string }[];
}

/** What a variable holds before the program runs. Throws {@link InputError} for what no object can say. */
export function contentsOf(value: Value, name: string): Contents {
  const size = sizeOf(value.type);
  if (!(Number.isInteger(size) && size <= MOST_VARIABLE_BYTES))
    throw new InputError(
      `it has ${size} bytes, and a variable has ${MOST_VARIABLE_BYTES} at most`,
      `variable ${name}`,
      'Keep large data in a map',
    );
  const bytes = new Uint8Array(size);
  const addresses: { at: number; symbol: string }[] = [];
  const view = new DataView(bytes.buffer);
  const write = (at: number, number: bigint, size: number): void => {
    for (let i = 0; i < size; i++) bytes[at + i] = Number((number >> BigInt(8 * i)) & 255n);
  };
  const put = (item: Value, at: number): void => {
    switch (item.kind) {
      case 'zero':
      case 'undef':
        return;
      case 'int':
        write(at, item.value, sizeOf(item.type));
        return;
      case 'bytes':
        if (at + item.bytes.length > size) throw new InputError('its contents are longer than its type', `variable ${name}`);
        bytes.set(item.bytes, at);
        return;
      case 'aggregate':
        item.elements.forEach((element, i) => {
          put(element, at + elementAt(item.type, i).offset);
        });
        return;
      case 'float':
        if (item.type.kind === 'float' && item.type.size === 8) writeDouble(view, at, item.text);
        else if (item.type.kind === 'float' && item.type.size === 4) view.setFloat32(at, doubleOf(item.text), true);
        return;
      default: {
        const address = addressOf(item);
        if (!address) throw new InputError('a value that no loader can compute', `variable ${name}`);
        if (address.symbol !== null) addresses.push({ at, symbol: address.symbol });
        write(at, address.off, Math.min(8, sizeOf(item.type)));
      }
    }
  };
  put(value, 0);
  return { bytes, addresses };
}

function doubleOf(text: string): number {
  if (!text.startsWith('0x')) return Number(text);
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(text));
  return view.getFloat64(0);
}

function writeDouble(view: DataView, at: number, text: string): void {
  view.setFloat64(at, doubleOf(text), true);
}

/** A symbol and bytes behind it, or a plain number as a pointer. */
export function addressOf(value: Value): { symbol: string | null; off: bigint } | null {
  if (value.kind === 'global') return { symbol: value.name, off: 0n };
  if (value.kind === 'int') return { symbol: null, off: value.value };
  if (value.kind === 'zero' || value.kind === 'undef') return { symbol: null, off: 0n };
  if (value.kind !== 'expr') return null;
  const { inst } = value;
  if (inst.op === 'cast') return addressOf(inst.value);
  if (inst.op !== 'gep') return null;
  const base = addressOf(inst.base);
  let { of } = inst;
  let off = 0;
  for (const [at, index] of inst.indices.entries()) {
    if (index.kind !== 'int' && index.kind !== 'zero') return null;
    const number = index.kind === 'int' ? Number(index.value) : 0;
    if (at === 0) off += number * sizeOf(of);
    else {
      const element = elementAt(of, number);
      off += element.offset;
      of = element.type;
    }
  }
  return base && { symbol: base.symbol, off: base.off + BigInt(off) };
}
