import type { Binding, PayloadInput } from './binding.ts';
import { layerRange } from './layers.ts';

/** The tokens that a packet becomes: the first `length` bytes of the layer, then padding. Null for a packet without the layer. */
export function tokensOf(packet: Uint8Array, binding: Binding | PayloadInput): Uint16Array | null {
  const input = 'input' in binding ? binding.input : binding;
  if (input.kind !== 'payload') return null;
  const range = layerRange(packet, input.layer);
  if (!range) return null;
  const tokens = new Uint16Array(input.length).fill(input.pad);
  tokens.set(packet.subarray(range.start, Math.min(range.end, range.start + input.length)));
  return tokens;
}
