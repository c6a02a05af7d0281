import { readFileSync } from 'node:fs';
import type { Compiled } from '../../compiler/api.ts';
import { buildDecoder } from '../../compiler/lm/build.ts';
import { NO_STOP } from '../../compiler/lm/layout.ts';
import { loadModel } from '../../compiler/testing/fixtures.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import type { Production } from '../production/binding.ts';
import { parseTextBinding, type TextBinding } from '../text/binding.ts';
import { requestFrame, TEXT, type TextRequest } from '../text/packet.ts';
import { textHook } from '../text/xdp.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

/** How the small decoder of these tests is built. */
export const SMALL_DECODER = {
  model: loadModel(read, 'gpt-small'),
  modelFile: 'gpt-small.onnx',
  kernel: '6.18',
  strategy: 'auto',
  quant: 'w8a16',
  texts: [[1, 2, 0, 1, 2, 1]],
} as const;

/** Prompts of 5 tokens and answers of 7, at port 7070. */
export const TEXT_BINDING: TextBinding = parseTextBinding(
  { hook: 'xdp', input: { kind: 'prompt', port: 7070, length: 5 }, output: { kind: 'tokens', length: 7, reply: 'TX' } },
  'text.json',
);

const built = new Map<string, Promise<Compiled>>();
/** The small decoder in packets, as `production` says; `more` changes the rest of the binding. */
export function textInProduction(
  production?: Production,
  more: { readonly otherwise?: 'DROP'; readonly reply?: 'PASS' } = {},
  kernel: KernelVersion = '6.18',
): Promise<Compiled> {
  const name = JSON.stringify([production, more, kernel]);
  const made = built.get(name);
  if (made) return made;
  const { otherwise, reply } = more;
  const document = {
    ...TEXT_BINDING,
    input: { ...TEXT_BINDING.input, ...(otherwise ? { otherwise } : {}) },
    output: { ...TEXT_BINDING.output, ...(reply ? { reply } : {}) },
    ...(production ? { production } : {}),
  };
  const compiled = buildDecoder({ ...SMALL_DECODER, kernel, hook: textHook(parseTextBinding(document, 'text.json')) });
  built.set(name, compiled);
  return compiled;
}

const REQUEST: TextRequest = {
  reset: true,
  prompt: [1, 2, 0],
  generate: 6,
  candidates: 1,
  temperature: 0,
  seed: 1,
  stop: NO_STOP,
  session: 9,
};
/** A request in IPv4 and UDP. */
export const frameOf = (more: Partial<TextRequest> = {}): Uint8Array => requestFrame(TEXT_BINDING, { ...REQUEST, ...more });
/** `frame` with other `bytes` from `at` on. */
export const edited = (frame: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
  const out = frame.slice();
  out.set(bytes, at);
  return out;
};
/** Where UDP and its payload begin in {@link frameOf}. */
export const UDP = 34;
export const BODY = 42;

/** The same request behind IPv6; the checksum is that of the addresses, the length, UDP and the datagram (RFC 8200 8.1). */
export function behindIpv6(frame: Uint8Array): Uint8Array {
  const udp = frame.subarray(UDP);
  const out = new Uint8Array(54 + udp.length);
  out.set(frame.subarray(0, 12));
  out.set([0x86, 0xdd, 0x60, 0, 0, 0, udp.length >> 8, udp.length & 255, 17, 64], 12);
  for (let i = 0; i < 32; i++) out[22 + i] = i * 7 + 1;
  out.set(udp, 54);
  out.set([0, 0], 60);
  const check = ipv6Checksum(out);
  out.set([check >> 8, check & 255], 60);
  return out;
}

/** What the UDP checksum of an IPv6 frame should be. */
export function ipv6Checksum(frame: Uint8Array): number {
  const udp = frame.slice(54);
  udp.fill(0, 6, 8);
  let sum = 17 + udp.length;
  for (const part of [frame.subarray(22, 54), udp]) for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff || 0xffff;
}

/** Texts and their continuations, one of them of a session that began none. */
export const REQUESTS = [
  frameOf(),
  frameOf({ reset: false, prompt: [], generate: 3 }),
  frameOf({ reset: false, prompt: [1], generate: 2, session: 10 }),
  behindIpv6(frameOf({ temperature: 65_536, candidates: 3, seed: 5 })),
  frameOf({ prompt: [2, 2, 1, 0, 1], generate: 0 }),
  frameOf({ reset: false, prompt: [0], generate: 7 }),
  frameOf({ reset: false, prompt: [], generate: 7 }),
];
/** Packets that are no requests. */
export const OTHERS = [
  edited(frameOf(), UDP + 2, 0x1b, 0x9f),
  edited(frameOf(), BODY, 1),
  edited(frameOf(), BODY + TEXT.flags + 1, 0x80),
  edited(frameOf(), 23, 6),
  edited(frameOf(), 12, 8, 6),
  edited(frameOf(), UDP + 4, 0, 20),
];
