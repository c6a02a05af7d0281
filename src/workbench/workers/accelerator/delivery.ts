import { InputError } from '../../../base/errors.ts';
import { checkSignature, signObject } from '../../../hooks/accelerator/signing.ts';
import { keyId, makeSigningKey, publicKeyPem, sha256Hex } from '../../../hooks/accelerator/signing-keys.ts';
import { accepted, EMPTY_TRUST, type TrustStore, withKey } from '../../../hooks/accelerator/trust.ts';
import type { Delivery, DeliveryKind, TrustView } from '../../accelerator-views.ts';

interface KnownObject {
  readonly name: string;
  readonly hash: string;
  readonly bytes: Uint8Array;
  version: number;
  signature: string | null;
}

const MOST_DELIVERIES = 20;

/** The user's root of trust, keys and signatures. It outlives resets of the device, and ends with the tab: private keys cannot be taken out of it. */
export class DeliveryDesk {
  #trust: TrustStore = EMPTY_TRUST;
  #required = false;
  readonly #own = new Map<string, CryptoKeyPair>();
  readonly #objects = new Map<string, KnownObject>();
  #deliveries: Delivery[] = [];

  get view(): TrustView {
    const { keys, revokedKeys, revokedObjects } = this.#trust;
    return {
      keys: Object.entries(keys).map(([id, { name }]) => ({ id, name, revoked: revokedKeys.includes(id), own: this.#own.has(id) })),
      required: this.#required,
      objects: [...this.#objects.values()].map(({ name, hash, version, signature }) => ({
        name,
        hash,
        version: signature === null ? null : version,
        revoked: revokedObjects.includes(hash),
      })),
      deliveries: this.#deliveries,
    };
  }

  set required(required: boolean) {
    this.#required = required;
  }

  /** An object that may be signed from now on. */
  async know(name: string, bytes: Uint8Array): Promise<KnownObject> {
    const hash = await sha256Hex(bytes);
    const known = this.#objects.get(hash) ?? { name, hash, bytes, version: 0, signature: null };
    this.#objects.set(hash, known);
    return known;
  }

  #object(hash: string): KnownObject {
    const object = this.#objects.get(hash);
    if (!object) throw new InputError('the device does not know this object', hash.slice(0, 12), 'Attach it first');
    return object;
  }

  async makeKey(name: string): Promise<void> {
    const pair = await makeSigningKey(false);
    this.#trust = await withKey(this.#trust, name, await publicKeyPem(pair.publicKey), name);
    this.#own.set(await keyId(pair.publicKey), pair);
  }

  revokeKey(id: string): void {
    this.#trust = { ...this.#trust, revokedKeys: [...this.#trust.revokedKeys, id] };
  }

  revokeObject(hash: string): void {
    this.#trust = { ...this.#trust, revokedObjects: [...this.#trust.revokedObjects, hash] };
  }

  /** Signs with the newest key that was not revoked, as the next version of the name. */
  async sign(hash: string): Promise<void> {
    const object = this.#object(hash);
    const pair = [...this.#own].filter(([id]) => !this.#trust.revokedKeys.includes(id)).at(-1)?.[1];
    if (!pair) throw new InputError('there is no key to sign with', object.name, 'Make a key');
    const version = Math.max(object.version, this.#trust.versions[object.name] ?? 0) + 1;
    object.signature = await signObject(object.bytes, object.name, version, pair);
    object.version = version;
  }

  /** The bytes that come to the device, and what it says to them. */
  async deliver(
    hash: string,
    how: DeliveryKind,
  ): Promise<{ readonly bytes: Uint8Array; readonly name: string; readonly signer: string } | null> {
    const object = this.#object(hash);
    const bytes = object.bytes.slice();
    // A bit of the instructions' end of the file: where does not matter, since the hash covers all of it.
    if (how === 'changed') bytes[Math.floor(bytes.length / 2)]! ^= 1;
    const verdict = await checkSignature(bytes, how === 'unsigned' ? null : object.signature, this.#trust);
    const message = verdict.ok
      ? `${verdict.statement.name} version ${verdict.statement.version}, signed by ${verdict.signer}`
      : verdict.message;
    this.#log({ object: object.name, how, accepted: verdict.ok, message });
    if (!verdict.ok) return null;
    this.#trust = accepted(this.#trust, verdict.statement);
    return { bytes, name: object.name, signer: verdict.signer };
  }

  /** Whether an object may be attached as it is: throws {@link InputError} with the reason where the device takes signed objects only. */
  async admit(name: string, bytes: Uint8Array): Promise<string | null> {
    const object = await this.know(name, bytes);
    if (!this.#required) return null;
    const verdict = await checkSignature(object.bytes, object.signature, this.#trust);
    if (verdict.ok) {
      this.#trust = accepted(this.#trust, verdict.statement);
      return verdict.signer;
    }
    this.#log({ object: name, how: object.signature === null ? 'unsigned' : 'signed', accepted: false, message: verdict.message });
    throw new InputError(
      `the device refuses it: ${verdict.message}`,
      name,
      'Sign it under Delivery, or let the device take what is not signed',
    );
  }

  #log(delivery: Delivery): void {
    this.#deliveries = [delivery, ...this.#deliveries].slice(0, MOST_DELIVERIES);
  }
}
