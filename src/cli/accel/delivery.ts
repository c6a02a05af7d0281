import { chmodSync } from 'node:fs';
import { InputError } from '../../base/errors.ts';
import { checkSignature, signObject } from '../../hooks/accelerator/signing.ts';
import { keyId, makeSigningKey, privateKeyPem, publicKeyPem, readPrivateKey, sha256Hex } from '../../hooks/accelerator/signing-keys.ts';
import { HASH, withKey } from '../../hooks/accelerator/trust.ts';
import { onlyPositional, parse } from '../args.ts';
import { fileName, print, printJson, readInput, readText, tell, userPath, writeOutput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { signatureOf } from './programs.ts';
import { StateFolder } from './state.ts';

/** `accel keygen -o NAME`: NAME.pem, which only its owner may read, and NAME.pub.pem. */
export const keygenVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { output: 'string', json: 'boolean' });
  const name = args.string('output');
  if (!name || args.positionals.length > 0) throw new InputError('keygen takes -o NAME', 'arguments');
  const keys = await makeSigningKey(true);
  writeOutput(`${name}.pem`, '');
  chmodSync(userPath(`${name}.pem`), 0o600);
  writeOutput(`${name}.pem`, await privateKeyPem(keys.privateKey));
  writeOutput(`${name}.pub.pem`, await publicKeyPem(keys.publicKey));
  const key = await keyId(keys.publicKey);
  if (args.flag('json')) printJson({ key, private: `${name}.pem`, public: `${name}.pub.pem` });
  else print(`key ${key}`);
  return 0;
};

/** `accel sign FILE.o --key KEY.pem --version N`: FILE.o.sig, or `-o`. */
export const signVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { key: 'string', version: 'string', name: 'string', output: 'string', json: 'boolean' });
  const file = onlyPositional(args, 'one object');
  const key = args.string('key');
  if (!key || args.string('version') === undefined) throw new InputError('sign takes --key KEY.pem and --version N', 'arguments');
  const name = args.string('name') ?? fileName(file).replace(/\.o$/, '');
  const out = args.string('output') ?? `${file}.sig`;
  const keys = await readPrivateKey(readText(key), key);
  const version = args.count('version', 1);
  writeOutput(out, await signObject(readInput(file), name, version, keys));
  if (args.flag('json')) printJson({ file, signature: out, name, version, key: await keyId(keys.publicKey) });
  return 0;
};

/** `accel verify FILE.o`: whether the device would take it, by its root of trust. */
export const verifyVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { signature: 'string', state: 'string', json: 'boolean' });
  const file = onlyPositional(args, 'one object');
  const verdict = await checkSignature(
    readInput(file),
    signatureOf(file, args.string('signature')),
    new StateFolder(args.string('state')).trust(),
  );
  if (args.flag('json')) printJson({ file, ...verdict });
  else if (verdict.ok) print(`${file}: ${verdict.statement.name} ${verdict.statement.version}, signed by ${verdict.signer}`);
  else tell(`${file}: ${verdict.message}`);
  return verdict.ok ? 0 : 1;
};

/** `accel trust add|revoke|list`: the root of trust of the device. */
export const trustVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { name: 'string', state: 'string', json: 'boolean' });
  const [what, target, ...rest] = args.positionals;
  const folder = new StateFolder(args.string('state'));
  let trust = folder.trust();
  if (rest.length > 0 || (what !== 'list' && target === undefined))
    throw new InputError('trust takes add KEY.pub.pem, revoke KEY-ID|SHA-256|FILE.o, or list', 'arguments');
  if (what === 'add') trust = await withKey(trust, args.string('name') ?? fileName(target!), readText(target!), target!);
  else if (what === 'revoke') {
    const id = HASH.test(target!) ? target! : await sha256Hex(readInput(target!));
    trust = Object.hasOwn(trust.keys, id)
      ? { ...trust, revokedKeys: [...new Set([...trust.revokedKeys, id])] }
      : { ...trust, revokedObjects: [...new Set([...trust.revokedObjects, id])] };
  } else if (what !== 'list') throw new InputError(`trust has no verb ${what}`, 'arguments', 'It has add, revoke and list');
  if (what !== 'list') folder.writeTrust(trust);
  const keys = Object.entries(trust.keys).map(([id, { name }]) => ({ key: id, name, revoked: trust.revokedKeys.includes(id) }));
  if (args.flag('json')) printJson({ keys, revokedObjects: trust.revokedObjects, versions: trust.versions });
  else for (const { key, name, revoked } of keys) print(`${key} ${name}${revoked ? ', revoked' : ''}`);
  return 0;
};
