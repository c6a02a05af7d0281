import { InputError } from '../../base/errors.ts';
import type { TextBinding } from './binding.ts';

/**
 * What stands behind the UDP header of a request, little-endian: u32 {@link TEXT_MAGIC}, u16 flags ({@link TEXT_RESET}), u16 tokens of the prompt, u16 tokens to
 * generate, u16 candidates, u32 temperature in 1/65536, u32 seed, u32 token that ends a text, u32 session; then a u16 for each token, as many as
 * {@link roomOf} says, whether they are used or not. In the answer flags are {@link TEXT_ANSWER} + status (`compiler/lm/layout.ts`), the next is the number
 * of tokens, the one behind it the positions in use, and the tokens are those that were generated, zero behind the last.
 */
export const TEXT = {
  magic: 0,
  flags: 4,
  prompt: 6,
  generate: 8,
  candidates: 10,
  temperature: 12,
  seed: 16,
  stop: 20,
  session: 24,
  tokens: 28,
} as const;
export const TEXT_MAGIC = 0x4d4c5042;
/** Begins a text; otherwise the packet goes on with that of its session. */
export const TEXT_RESET = 1;
export const TEXT_ANSWER = 0x8000;

/** Tokens that a packet has room for: the longer of prompt and answer, a multiple of four. */
export const roomOf = ({ input, output }: TextBinding): number => Math.ceil(Math.max(input.length, output.length) / 4) * 4;

/** Ethernet, IPv4 without options, UDP. */
const HEADERS = 14 + 20 + 8;

export interface TextRequest {
  readonly reset: boolean;
  readonly prompt: readonly number[];
  readonly generate: number;
  readonly candidates: number;
  /** In 1/65536. */
  readonly temperature: number;
  readonly seed: number;
  readonly stop: number;
  readonly session: number;
}

/** One's complement sum of 16-bit words, as a field in the order of the wire; a byte left over counts as the first of a word. */
function checksum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** A frame of IPv4 and UDP from one host to another (both made up) with a request, its checksums set. */
export function requestFrame(binding: TextBinding, request: TextRequest): Uint8Array {
  const size = TEXT.tokens + 2 * roomOf(binding);
  const frame = new Uint8Array(HEADERS + size);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45]);
  view.setUint16(16, 20 + 8 + size);
  view.setUint16(20, 0x4000);
  frame.set([64, 17], 22);
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  view.setUint16(24, checksum(frame.subarray(14, 34)));
  view.setUint16(34, 40_000);
  view.setUint16(36, binding.input.port);
  view.setUint16(38, 8 + size);
  const at = HEADERS;
  view.setUint32(at + TEXT.magic, TEXT_MAGIC, true);
  view.setUint16(at + TEXT.flags, request.reset ? TEXT_RESET : 0, true);
  view.setUint16(at + TEXT.prompt, request.prompt.length, true);
  view.setUint16(at + TEXT.generate, request.generate, true);
  view.setUint16(at + TEXT.candidates, request.candidates, true);
  view.setUint32(at + TEXT.temperature, request.temperature, true);
  view.setUint32(at + TEXT.seed, request.seed, true);
  view.setUint32(at + TEXT.stop, request.stop, true);
  view.setUint32(at + TEXT.session, request.session, true);
  for (const [i, token] of request.prompt.entries()) view.setUint16(at + TEXT.tokens + 2 * i, token, true);
  view.setUint16(40, udpChecksum(frame));
  return frame;
}

/** The checksum of the UDP datagram in an IPv4 frame, its own field left out; zero stands for none and is sent as its complement. */
export function udpChecksum(frame: Uint8Array): number {
  const udp = frame.slice(34);
  udp.fill(0, 6, 8);
  const pseudo = [...frame.subarray(26, 34)];
  let sum = 17 + udp.length;
  for (let i = 0; i < pseudo.length; i += 2) sum += (pseudo[i]! << 8) | pseudo[i + 1]!;
  return checksum(udp, sum) || 0xffff;
}

export interface TextAnswer {
  readonly status: number;
  readonly position: number;
  readonly tokens: readonly number[];
}

/** The answer in a frame that {@link requestFrame} made and a program returned. Throws {@link InputError} for a frame without one. */
export function answerOf(frame: Uint8Array): TextAnswer {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const flags = frame.length >= HEADERS + TEXT.tokens ? view.getUint16(HEADERS + TEXT.flags, true) : 0;
  if (!(flags & TEXT_ANSWER))
    throw new InputError('the packet came back without an answer', '', 'The program did not take it for a request');
  const count = view.getUint16(HEADERS + TEXT.prompt, true);
  return {
    status: flags & ~TEXT_ANSWER,
    position: view.getUint16(HEADERS + TEXT.generate, true),
    tokens: Array.from({ length: count }, (_, i) => view.getUint16(HEADERS + TEXT.tokens + 2 * i, true)),
  };
}
