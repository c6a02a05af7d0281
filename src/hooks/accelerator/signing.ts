import { InputError } from '../../base/errors.ts';
import { fromBase64, inLines, keyId, MODULUS_BITS, readPublicKey, sha256Hex, toBase64, utf8 } from './signing-keys.ts';
import { HASH, type TrustStore } from './trust.ts';

/**
 * Signed delivery: what the device is given carries a signature by a key that its owner trusts. RSASSA-PSS with SHA-256 and a salt of 32 bytes
 * (RFC 8017 section 8.1) under keys of 3,072 bits, by WebCrypto, which is the same in Node and in the tab; openssl checks it as well.
 *
 * A signature is a text: a statement of five lines, an empty line, and the signature of exactly the statement's bytes in base64. The statement names
 * the object by its SHA-256, so that name and version cannot be put on another object.
 */

const FIRST_LINE = 'bpformer accelerator signature 1';
const SIGN = { name: 'RSA-PSS', saltLength: 32 } as const;
const SIGNATURE_BYTES = MODULUS_BITS / 8;
/** A statement and a signature take less than 1 kB; what is longer is none. */
const MOST_TEXT = 4096;
const MOST_VERSION = 0xffff_ffff;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** What a signer says of an object. */
export interface Statement {
  readonly name: string;
  /** Whole number from 1; the device refuses what is older than what it took before. */
  readonly version: number;
  /** SHA-256 of the object's bytes, hexadecimal. */
  readonly sha256: string;
  /** {@link keyId} of the signer's key. */
  readonly key: string;
}

export type Refusal = 'unsigned' | 'damaged' | 'tampered' | 'unknown key' | 'revoked key' | 'revoked object' | 'forged' | 'old version';

export type SignatureVerdict =
  | { readonly ok: true; readonly statement: Statement; readonly signer: string }
  | { readonly ok: false; readonly reason: Refusal; readonly message: string };

const statementText = ({ name, version, sha256, key }: Statement): string =>
  `${FIRST_LINE}\nname: ${name}\nversion: ${version}\nsha256: ${sha256}\nkey: ${key}\n`;

/** Signs an object's bytes under a name and a version: the text of the signature file. Throws {@link InputError} for names and versions that none can have. */
export async function signObject(object: Uint8Array, name: string, version: number, keys: CryptoKeyPair): Promise<string> {
  if (!NAME.test(name)) throw new InputError('a name has up to 63 letters, digits, dots and dashes', JSON.stringify(name));
  if (!Number.isSafeInteger(version) || version < 1 || version > MOST_VERSION)
    throw new InputError(`a version is a whole number from 1 to ${MOST_VERSION}`, String(version));
  const text = statementText({ name, version, sha256: await sha256Hex(object), key: await keyId(keys.publicKey) });
  const signature = await crypto.subtle.sign(SIGN, keys.privateKey, utf8(text));
  return `${text}\n${inLines(toBase64(new Uint8Array(signature)))}\n`;
}

interface Envelope {
  readonly statement: Statement;
  /** The bytes that are signed: exactly as they stand in the text. */
  readonly signed: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** The parts of a signature file; a sentence where it is none. What is read is what {@link signObject} writes, byte for byte, and nothing else. */
function parseEnvelope(text: string): Envelope | string {
  if (text.length > MOST_TEXT) return `longer than ${MOST_TEXT} characters`;
  const match =
    /^bpformer accelerator signature 1\nname: ([^\n]*)\nversion: ([^\n]*)\nsha256: ([^\n]*)\nkey: ([^\n]*)\n\n([A-Za-z0-9+/=\n]+)\n$/.exec(
      text,
    );
  if (!match) return 'its lines are not those of a signature';
  const [, name, versionText, sha256, key, base64] = match as unknown as [string, string, string, string, string, string];
  const version = Number(versionText);
  if (!NAME.test(name)) return 'its name is none';
  if (!/^[1-9]\d{0,9}$/.test(versionText) || version > MOST_VERSION) return 'its version is none';
  if (!HASH.test(sha256)) return 'its sha256 is none';
  if (!HASH.test(key)) return 'its key is none';
  const signature = fromBase64(base64.replaceAll('\n', ''));
  if (signature?.length !== SIGNATURE_BYTES) return `its signature has not ${SIGNATURE_BYTES} bytes`;
  const statement = { name, version, sha256, key };
  return { statement, signed: statementText(statement), signature };
}

const refuse = (reason: Refusal, message: string): SignatureVerdict => ({ ok: false, reason, message });
const short = (id: string): string => `${id.slice(0, 16)}…`;

/**
 * Whether the device takes an object: signed by a trusted key that was not revoked, unchanged, not revoked itself, not older than what was taken
 * under its name before. `signature` is the text of the signature file, null where there is none. Never throws: whatever the file holds, the answer
 * is a verdict. Whoever loads the object then keeps {@link accepted}.
 */
export async function checkSignature(object: Uint8Array, signature: string | null, trust: TrustStore): Promise<SignatureVerdict> {
  if (signature === null) return refuse('unsigned', 'the object is not signed');
  const envelope = parseEnvelope(signature);
  if (typeof envelope === 'string') return refuse('damaged', `the signature cannot be read: ${envelope}`);
  const { name, version, sha256, key } = envelope.statement;
  const known = Object.hasOwn(trust.keys, key) ? trust.keys[key]! : null;
  if (!known) return refuse('unknown key', `it is signed by key ${short(key)}, which the root of trust does not have`);
  if (trust.revokedKeys.includes(key)) return refuse('revoked key', `it is signed by key ${short(key)} (${known.name}), which was revoked`);
  let valid: boolean;
  try {
    const publicKey = await readPublicKey(known.pem, known.name);
    // The store is the user's file: a key under another's id would let its owner speak for that other.
    if ((await keyId(publicKey)) !== key) return refuse('unknown key', `the root of trust has another key under ${short(key)}`);
    valid = await crypto.subtle.verify(SIGN, publicKey, envelope.signature, utf8(envelope.signed));
  } catch (error) {
    if (error instanceof InputError) return refuse('unknown key', `the root of trust is damaged: ${error.message}`);
    throw error;
  }
  if (!valid) return refuse('forged', `the signature is not by key ${short(key)} (${known.name})`);
  const actual = await sha256Hex(object);
  if (actual !== sha256)
    return refuse(
      'tampered',
      `the object is not what was signed: its SHA-256 is ${short(actual)}, that of ${name} ${version} is ${short(sha256)}`,
    );
  if (trust.revokedObjects.includes(sha256)) return refuse('revoked object', `${name} ${version} was revoked`);
  const least = Object.hasOwn(trust.versions, name) ? trust.versions[name]! : 0;
  if (version < least) return refuse('old version', `${name} ${version} is older than version ${least}, which was loaded before`);
  return { ok: true, statement: envelope.statement, signer: known.name };
}
