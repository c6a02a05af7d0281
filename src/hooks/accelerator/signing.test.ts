import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSignature, signObject } from './signing.ts';
import { keyId, makeSigningKey, privateKeyPem, publicKeyPem, readPrivateKey, readPublicKey } from './signing-keys.ts';
import { accepted, EMPTY_TRUST, readTrust, type TrustStore, withKey } from './trust.ts';

const object = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
let keys: CryptoKeyPair;
let strangers: CryptoKeyPair;
let trust: TrustStore;
let signature: string;

beforeAll(async () => {
  [keys, strangers] = await Promise.all([makeSigningKey(true), makeSigningKey(true)]);
  trust = await withKey(EMPTY_TRUST, 'our key', await publicKeyPem(keys.publicKey), 'test');
  signature = await signObject(object, 'validate', 3, keys);
});

const reasonOf = async (bytes: Uint8Array, text: string | null, store: TrustStore): Promise<string> => {
  const verdict = await checkSignature(bytes, text, store);
  return verdict.ok ? 'taken' : verdict.reason;
};

/** The lines of the statement, and the signature behind them. */
const parts = (text: string): [statement: string, signature: string] => text.split('\n\n') as [string, string];

describe('a signed object', () => {
  test('is taken, and says what it is and who signed it', async () => {
    const verdict = await checkSignature(object, signature, trust);
    expect(verdict).toMatchObject({ ok: true, signer: 'our key', statement: { name: 'validate', version: 3 } });
  });

  test('is refused without a signature, changed in any one bit, or by a key that is not trusted', async () => {
    expect(await reasonOf(object, null, trust)).toBe('unsigned');
    for (const at of [0, 1234, object.length - 1]) {
      const changed = object.slice();
      changed[at]! ^= 1;
      expect(await reasonOf(changed, signature, trust)).toBe('tampered');
    }
    expect(await reasonOf(object.subarray(0, -1), signature, trust)).toBe('tampered');
    expect(await reasonOf(object, await signObject(object, 'validate', 3, strangers), trust)).toBe('unknown key');
  });

  test('is refused where a stranger signs in the name of a trusted key', async () => {
    const id = await keyId(keys.publicKey);
    const forged = await signObject(object, 'validate', 3, { privateKey: strangers.privateKey, publicKey: keys.publicKey });
    expect(forged).toContain(id);
    expect(await reasonOf(object, forged, trust)).toBe('forged');
    // A store that has the stranger's key under the trusted id is no help.
    const mixed = { ...trust, keys: { [id]: { name: 'our key', pem: await publicKeyPem(strangers.publicKey) } } };
    expect(await reasonOf(object, forged, mixed)).toBe('unknown key');
  });

  test('is refused under another name, version or hash than was signed', async () => {
    const renamed = signature.replace('name: validate', 'name: audit');
    const newer = signature.replace('version: 3', 'version: 4');
    expect(await reasonOf(object, renamed, trust)).toBe('forged');
    expect(await reasonOf(object, newer, trust)).toBe('forged');
    const other = object.slice().fill(1, 0, 10);
    const otherHash = /sha256: (\w+)/.exec(await signObject(other, 'validate', 3, strangers))![1]!;
    expect(await reasonOf(other, signature.replace(/sha256: \w+/, `sha256: ${otherHash}`), trust)).toBe('forged');
  });

  test('is refused when it or its key was revoked, or a newer version was taken before', async () => {
    const verdict = await checkSignature(object, signature, trust);
    if (!verdict.ok) throw new Error(verdict.message);
    const { key, sha256 } = verdict.statement;
    expect(await reasonOf(object, signature, { ...trust, revokedKeys: [key] })).toBe('revoked key');
    expect(await reasonOf(object, signature, { ...trust, revokedObjects: [sha256] })).toBe('revoked object');
    const after = accepted(trust, verdict.statement);
    expect(await reasonOf(object, signature, after)).toBe('taken');
    expect(await reasonOf(object, await signObject(object, 'validate', 2, keys), after)).toBe('old version');
    expect(await reasonOf(object, await signObject(object, 'validate', 4, keys), after)).toBe('taken');
    expect(await reasonOf(object, await signObject(object, 'audit', 1, keys), after)).toBe('taken');
  });
});

describe('a hostile signature file', () => {
  test('never throws and is never taken, whatever one edit makes of it', async () => {
    const edit = fc.record({ at: fc.nat(signature.length - 1), cut: fc.nat(3), put: fc.string({ unit: 'binary', maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, cut, put }) => {
        const text = signature.slice(0, at) + put + signature.slice(at + cut);
        fc.pre(text !== signature);
        const verdict = await checkSignature(object, text, trust);
        // The last character before the padding may hold bits that base64 leaves unused, and line breaks in the signature mean nothing.
        if (verdict.ok) expect(atob(parts(text)[1].replaceAll('\n', ''))).toBe(atob(parts(signature)[1].replaceAll('\n', '')));
      }),
      { numRuns: 300, seed: 9 },
    );
  });

  test.each([
    ['', 'damaged'],
    ['x'.repeat(1 << 20), 'damaged'],
    ['__proto__', 'damaged'],
  ])('%#', async (text, reason) => {
    expect(await reasonOf(object, text, trust)).toBe(reason);
  });

  test('cannot reach what every object inherits', async () => {
    expect(await reasonOf(object, signature.replace('name: validate', 'name: constructor'), trust)).toBe('forged');
    const named = await signObject(object, 'constructor', 1, keys);
    expect(await reasonOf(object, named, trust)).toBe('taken');
  });

  test('a root of trust of another shape is refused whole', () => {
    for (const text of ['', '[]', '{}', '{"keys":{"a":1},"revokedKeys":[],"revokedObjects":[],"versions":{}}', 'null'])
      expect(() => readTrust(text, 'trust.json')).toThrow(/trust\.json/);
    expect(readTrust(JSON.stringify(trust), 'trust.json')).toEqual(trust);
  });
});

describe('openssl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signing-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'];

  test('verifies our signatures, and not of a changed statement', async () => {
    const [statement, base64] = parts(signature);
    writeFileSync(path('statement'), `${statement}\n`);
    writeFileSync(path('signature'), Buffer.from(base64, 'base64'));
    writeFileSync(path('public.pem'), await publicKeyPem(keys.publicKey));
    const verify = ['dgst', '-sha256', ...PSS, '-verify', path('public.pem'), '-signature', path('signature'), path('statement')];
    expect(openssl(...verify)).toContain('Verified OK');
    writeFileSync(path('statement'), `${statement}\n`.replace('version: 3', 'version: 4'));
    expect(() => openssl(...verify)).toThrow();
  });

  test('makes keys and signatures that we take', async () => {
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', path('theirs.pem'));
    const pair = await readPrivateKey(execFileSync('cat', [path('theirs.pem')], { encoding: 'utf8' }), 'theirs.pem');
    const store = await withKey(EMPTY_TRUST, 'theirs', openssl('pkey', '-in', path('theirs.pem'), '-pubout'), 'theirs.pub');
    expect(Object.keys(store.keys)).toEqual([await keyId(pair.publicKey)]);
    const ours = await signObject(object, 'metrics', 1, pair);
    const [statement] = parts(ours);
    writeFileSync(path('statement'), `${statement}\n`);
    openssl('dgst', '-sha256', ...PSS, '-sign', path('theirs.pem'), '-out', path('signature'), path('statement'));
    const base64 = openssl('base64', '-in', path('signature'));
    expect(await reasonOf(object, `${statement}\n\n${base64.trim()}\n`, store)).toBe('taken');
    expect(await reasonOf(object, ours, store)).toBe('taken');
  });

  test('reads the private key that we write', async () => {
    writeFileSync(path('ours.pem'), await privateKeyPem(keys.privateKey));
    expect(openssl('pkey', '-in', path('ours.pem'), '-pubout')).toBe(await publicKeyPem(keys.publicKey));
  });

  test('keys of other sizes and kinds are refused with the reason', async () => {
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path('small.pem'));
    await expect(readPublicKey(openssl('pkey', '-in', path('small.pem'), '-pubout'), 'small.pub')).rejects.toThrow(/2048 bits/);
    openssl('genpkey', '-algorithm', 'ED25519', '-out', path('curve.pem'));
    await expect(readPublicKey(openssl('pkey', '-in', path('curve.pem'), '-pubout'), 'curve.pub')).rejects.toThrow(/not an RSA key/);
    await expect(readPublicKey('hello', 'text.pub')).rejects.toThrow(/no PUBLIC KEY/);
  });
});
