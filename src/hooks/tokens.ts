import type { Binding, PayloadInput } from './binding.ts';
import { type ByteRange, layerRange } from './layers.ts';

/** Where the bytes lie that become tokens; null for a packet without the layer, or of other ports than the binding's. */
export function payloadRange(packet: Uint8Array, { layer, ports }: Pick<PayloadInput, 'layer' | 'ports'>): ByteRange | null {
  const at = ports && layerRange(packet, 'l4')?.start;
  if (ports && (at === undefined || !ports.some((port) => [at, at + 2].some((off) => packet[off]! * 256 + packet[off + 1]! === port))))
    return null;
  return layerRange(packet, layer);
}

/** The tokens that a packet becomes: the first `length` bytes of the layer, then padding. Null for a packet without the layer or its ports. */
export function tokensOf(packet: Uint8Array, binding: Binding | PayloadInput): Uint16Array | null {
  const input = 'input' in binding ? binding.input : binding;
  if (input.kind !== 'payload') return null;
  const range = payloadRange(packet, input);
  if (!range) return null;
  const tokens = new Uint16Array(input.length).fill(input.pad);
  tokens.set(packet.subarray(range.start, Math.min(range.end, range.start + input.length)));
  return tokens;
}
