import { InputError } from '../base/errors.ts';

/**
 * What page and companion send each other: a JSON head and, behind it, the bytes that it speaks of. Layout: u32 length of the head, the head
 * in UTF-8, then the blobs one after another; `blobs` in the head holds their lengths, and a number in the head names one of them.
 */
export interface Envelope {
  readonly head: Readonly<Record<string, unknown>>;
  readonly blobs: readonly Uint8Array[];
}

export interface EnvelopeLimits {
  readonly headBytes: number;
  readonly blobs: number;
  /** Brackets inside brackets. */
  readonly depth: number;
}

export const ENVELOPE_LIMITS: EnvelopeLimits = { headBytes: 4 << 20, blobs: 4096, depth: 12 };

export function pack(head: object, blobs: readonly Uint8Array[] = []): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify({ ...head, blobs: blobs.map(({ length }) => length) }));
  const bytes = new Uint8Array(4 + json.length + blobs.reduce((sum, { length }) => sum + length, 0));
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  let at = 4 + json.length;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}

/** Throws {@link InputError} for anything else than what {@link pack} makes within the limits. Blobs are views of `bytes`. */
export function unpack(bytes: Uint8Array, limits: EnvelopeLimits = ENVELOPE_LIMITS): Envelope {
  const fail = (what: string): never => {
    throw new InputError(what, 'message');
  };
  if (bytes.length < 4) fail('shorter than its own length');
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (length > limits.headBytes) fail(`its head is longer than ${limits.headBytes} bytes`);
  if (length > bytes.length - 4) fail('its head is cut short');
  const json = bytes.subarray(4, 4 + length);
  if (depthOf(json) > limits.depth) fail(`its head is nested deeper than ${limits.depth}`);
  let head: unknown;
  try {
    head = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    fail('its head is no JSON');
  }
  if (typeof head !== 'object' || head === null || Array.isArray(head)) fail('its head is no JSON object');
  const lengths = (head as { blobs?: unknown }).blobs ?? [];
  if (!Array.isArray(lengths) || lengths.length > limits.blobs) fail(`it names more than ${limits.blobs} blobs, or none as a list`);
  const blobs: Uint8Array[] = [];
  let at = 4 + length;
  for (const size of lengths as unknown[]) {
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > bytes.length - at) fail('a blob is cut short');
    blobs.push(bytes.subarray(at, at + (size as number)));
    at += size as number;
  }
  if (at !== bytes.length) fail('there are bytes behind its last blob');
  return { head: head as Record<string, unknown>, blobs };
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** How deep brackets of a JSON text are nested, outside of its strings: a parser must not be asked to find out. */
function depthOf(json: Uint8Array): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) most = Math.max(most, ++depth);
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return most;
}
