import { InputError } from '../../base/errors.ts';

/** Bits of the keys that the device takes: RSA-3072. */
export const MODULUS_BITS = 3072;
const ALGORITHM = { name: 'RSA-PSS', hash: 'SHA-256' } as const;

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
export const utf8 = (text: string) => new TextEncoder().encode(text);

/** Hexadecimal SHA-256. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));
}

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) text += btoa(String.fromCharCode(...bytes.subarray(at, at + 3)));
  return text;
}

/** Null where the text is not base64 (RFC 4648 section 4). */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Lines of 64 characters, as PEM has them. */
export const inLines = (text: string): string => text.replace(/(.{64})(?=.)/g, '$1\n');

/** A textual encoding (RFC 7468) of DER. */
function pem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${inLines(toBase64(der))}\n-----END ${label}-----\n`;
}

function fromPem(label: string, text: string, where: string): Uint8Array<ArrayBuffer> {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]{1,8192})-----END ${label}-----`).exec(text);
  const der = match && fromBase64(match[1]!.replace(/\s/g, ''));
  if (!der) throw new InputError(`there is no ${label} in it`, where, 'Keys are PEM files as accel keygen and openssl write them');
  return der;
}

/** A new pair of keys. A tab keeps the private one `extractable: false`; the command line writes it to a file. */
export async function makeSigningKey(extractable: boolean): Promise<CryptoKeyPair> {
  const publicExponent = Uint8Array.of(1, 0, 1);
  return crypto.subtle.generateKey({ ...ALGORITHM, modulusLength: MODULUS_BITS, publicExponent }, extractable, ['sign', 'verify']);
}

/** `PRIVATE KEY` (PKCS #8) as PEM, of an extractable key. */
export async function privateKeyPem(key: CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', new Uint8Array(await crypto.subtle.exportKey('pkcs8', key)));
}

/** `PUBLIC KEY` (SubjectPublicKeyInfo) as PEM. */
export async function publicKeyPem(key: CryptoKey): Promise<string> {
  return pem('PUBLIC KEY', new Uint8Array(await crypto.subtle.exportKey('spki', key)));
}

/** The private key of a PEM file, and the public key that belongs to it. Throws {@link InputError} for what is no RSA key of 3,072 bits. */
export async function readPrivateKey(text: string, where: string): Promise<CryptoKeyPair> {
  const der = fromPem('PRIVATE KEY', text, where);
  const privateKey = await imported(() => crypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']), where);
  const { n, e } = await crypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'RSA', n, e }, ALGORITHM, true, ['verify']);
  return { privateKey, publicKey };
}

/** The public key of a PEM file. Throws {@link InputError} for what is no RSA key of 3,072 bits. */
export async function readPublicKey(text: string, where: string): Promise<CryptoKey> {
  const der = fromPem('PUBLIC KEY', text, where);
  return imported(() => crypto.subtle.importKey('spki', der, ALGORITHM, true, ['verify']), where);
}

async function imported(read: () => Promise<CryptoKey>, where: string): Promise<CryptoKey> {
  let key: CryptoKey;
  try {
    key = await read();
  } catch {
    throw new InputError('this is not an RSA key', where, 'accel keygen makes one');
  }
  const { modulusLength } = key.algorithm as RsaHashedKeyAlgorithm;
  if (modulusLength !== MODULUS_BITS) throw new InputError(`a key of ${modulusLength} bits; the device takes ${MODULUS_BITS}`, where);
  return key;
}

/** What names a key: SHA-256 of its SubjectPublicKeyInfo, hexadecimal. */
export async function keyId(publicKey: CryptoKey): Promise<string> {
  return sha256Hex(new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)));
}
