import { gcm } from '@noble/ciphers/aes.js';

const TAG_BYTES = 16;
export const NONCE_BYTES = 12;

/** What the tag also covers, so that sealed bytes cannot be passed on to another request or place: request and address, 8 bytes each. */
function boundTo(request: number, addr: number): Uint8Array {
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(request), true);
  view.setBigUint64(8, BigInt(addr), true);
  return out;
}

/** AES-256-GCM (NIST SP 800-38D) of `plain`, as long as it was, and the tag. */
export function sealBytes(plain: Uint8Array, key: Uint8Array, nonce: Uint8Array, request: number, addr: number) {
  const out = gcm(key, nonce, boundTo(request, addr)).encrypt(plain);
  return { cipher: out.subarray(0, plain.length), tag: out.slice(plain.length) };
}

/** The plain bytes, or null when key, place or bytes are not those that were sealed. */
export function openBytes(cipher: Uint8Array, tag: Uint8Array, key: Uint8Array, nonce: Uint8Array, request: number, addr: number) {
  const joined = new Uint8Array(cipher.length + TAG_BYTES);
  joined.set(cipher);
  joined.set(tag, cipher.length);
  try {
    return gcm(key, nonce, boundTo(request, addr)).decrypt(joined);
  } catch {
    return null;
  }
}
