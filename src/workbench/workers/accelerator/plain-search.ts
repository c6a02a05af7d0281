import type { TracedCommand } from '../../../hooks/accelerator/command-trace.ts';

/** Bytes of a window that plaintext is looked for by. */
const WINDOW = 16;
/** Fewer different bytes tell nothing: zeros behind an activation function stand everywhere. */
const LEAST_VALUES = 6;
/** Of a plain tensor that is looked for. */
const MOST_TENSOR_BYTES = 64 * 1024;

/** Pieces of plain tensors, one behind the other: whatever 31 bytes of a tensor stand anywhere hold one of them whole. */
export function windowsOf(tensors: readonly Uint8Array[]): Uint8Array[] {
  const known = new Map<string, Uint8Array>();
  for (const tensor of tensors) {
    for (let at = 0; at + WINDOW <= Math.min(tensor.length, MOST_TENSOR_BYTES); at += WINDOW) {
      const piece = tensor.subarray(at, at + WINDOW);
      if (new Set(piece).size >= LEAST_VALUES) known.set(String.fromCharCode(...piece), piece);
    }
  }
  return [...known.values()];
}

const first4 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** Tensors of a trace in which any of `texts` stands, at whatever byte it begins: one entry for each tensor. Texts have at least 4 bytes. */
export function findPlain(
  commands: readonly TracedCommand[],
  texts: readonly Uint8Array[],
): { readonly tensor: string; readonly seq: number }[] {
  // Most places are ruled out by their first two bytes.
  const begins = new Uint8Array(65_536);
  const byStart = new Map<number, Uint8Array[]>();
  for (const text of texts) {
    const start = first4(text, 0);
    begins[start & 0xffff] = 1;
    const same = byStart.get(start);
    if (same) same.push(text);
    else byStart.set(start, [text]);
  }
  const holds = (data: Uint8Array): boolean => {
    for (let at = 0; at + 4 <= data.length; at++) {
      if (begins[data[at]! | (data[at + 1]! << 8)] === 0) continue;
      for (const text of byStart.get(first4(data, at)) ?? [])
        if (at + text.length <= data.length && text.every((byte, i) => data[at + i] === byte)) return true;
    }
    return false;
  };
  // The recorder hands on the same array where bytes stayed as they were.
  const known = new Map<Uint8Array, boolean>();
  return commands.flatMap(({ seq, tensors }) =>
    tensors.flatMap(({ name, data }) => {
      if (!data) return [];
      let found = known.get(data);
      if (found === undefined) {
        found = holds(data);
        known.set(data, found);
      }
      return found ? [{ tensor: name, seq }] : [];
    }),
  );
}
