import { InputError } from '../../base/errors.ts';
import type { Statement } from './signing.ts';
import { keyId, publicKeyPem, readPublicKey } from './signing-keys.ts';

/** A SHA-256 in hexadecimal. */
export const HASH = /^[0-9a-f]{64}$/;

export interface TrustedKey {
  /** What its owner calls it. */
  readonly name: string;
  /** SubjectPublicKeyInfo (RFC 5280) as PEM. */
  readonly pem: string;
}

/** The root of trust that a user makes: whose signatures count, what was taken back, and which versions were taken before. */
export interface TrustStore {
  /** By {@link keyId}. */
  readonly keys: Readonly<Record<string, TrustedKey>>;
  readonly revokedKeys: readonly string[];
  /** Hashes of objects. */
  readonly revokedObjects: readonly string[];
  /** By name: the highest version that was accepted; older ones are refused. */
  readonly versions: Readonly<Record<string, number>>;
}

export const EMPTY_TRUST: TrustStore = { keys: {}, revokedKeys: [], revokedObjects: [], versions: {} };

/** The store after an object of this statement was loaded: older versions of the name are refused from now on. */
export function accepted(trust: TrustStore, { name, version }: Statement): TrustStore {
  return { ...trust, versions: { ...trust.versions, [name]: version } };
}

/** The store with one more key. Throws {@link InputError} for what is no key. */
export async function withKey(trust: TrustStore, name: string, publicPem: string, where: string): Promise<TrustStore> {
  const key = await readPublicKey(publicPem, where);
  return { ...trust, keys: { ...trust.keys, [await keyId(key)]: { name, pem: await publicKeyPem(key) } } };
}

/** Reads a stored root of trust. Throws {@link InputError} for a document of another shape, never taking part of it. */
export function readTrust(text: string, where: string): TrustStore {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new InputError('not a JSON parsed', where);
  }
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const isHashes = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string' && HASH.test(item));
  const isKey = ([id, key]: [string, unknown]): boolean =>
    HASH.test(id) && isRecord(key) && typeof key.name === 'string' && typeof key.pem === 'string';
  const fits =
    isRecord(parsed) &&
    isRecord(parsed.keys) &&
    Object.entries(parsed.keys).every(isKey) &&
    isHashes(parsed.revokedKeys) &&
    isHashes(parsed.revokedObjects) &&
    isRecord(parsed.versions) &&
    Object.values(parsed.versions).every((version) => Number.isSafeInteger(version));
  if (!fits) throw new InputError('not a root of trust', where, 'accel trust makes one');
  return parsed as unknown as TrustStore;
}
