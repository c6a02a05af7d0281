import { InputError } from '../../base/errors.ts';
import type { HookResource } from './configuration.ts';
import type { Device } from './device.ts';
import {
  type BpfLink,
  type BpfObject,
  type BpfProgram,
  bpf_link__destroy,
  bpf_map__key_size,
  bpf_map__update_elem,
  bpf_map__value_size,
  bpf_object__find_map_by_name,
  bpf_object__load,
  bpf_object__open,
  bpf_program__attach,
} from './libbpf.ts';
import { checkSignature, type SignatureVerdict, type Statement } from './signing.ts';
import { sha256Hex } from './signing-keys.ts';
import { accepted, type TrustStore } from './trust.ts';

/** Delivery of objects to the device: whoever has a root of trust takes signed objects only. */

export interface Delivered {
  readonly object: BpfObject;
  readonly sha256: string;
  /** Null where the device has no root of trust and nobody was asked. */
  readonly statement: Statement | null;
  readonly signer: string | null;
}

/** The device does not take an object: unsigned, tampered, revoked, … (`verdict`). */
export class DeliveryRefused extends InputError {
  readonly verdict: Extract<SignatureVerdict, { ok: false }>;

  constructor(verdict: Extract<SignatureVerdict, { ok: false }>, name: string) {
    super(`the device refuses it: ${verdict.message}`, name);
    this.name = 'DeliveryRefused';
    this.verdict = verdict;
  }
}

/** A root of trust without a key asks for no signatures: nobody made it yet. */
export const needsSignature = (trust: TrustStore): boolean => Object.keys(trust.keys).length > 0;

/**
 * Checks an object's signature where the device has a root of trust, then verifies and loads it. Throws {@link DeliveryRefused}, or {@link InputError}
 * with the verifier's message.
 */
export async function deliver(
  bytes: Uint8Array,
  name: string,
  signature: string | null,
  trust: TrustStore,
  engine: 'interp' | 'wasm' = 'wasm',
): Promise<Delivered> {
  const verdict = needsSignature(trust) ? await checkSignature(bytes, signature, trust) : null;
  if (verdict && !verdict.ok) throw new DeliveryRefused(verdict, name);
  const object = bpf_object__open(bytes, { object_name: name });
  bpf_object__load(object, { engine });
  return { object, sha256: await sha256Hex(bytes), statement: verdict?.statement ?? null, signer: verdict?.signer ?? null };
}

/** The program of an object for a hook. Throws {@link InputError} where there is none, or several and none is named. */
export function programFor(object: BpfObject, hook: string, name: string | null): BpfProgram {
  const fitting = object.programs.filter((program) => program.hook === hook && (name === null || program.program.name === name));
  if (fitting.length === 1) return fitting[0]!;
  const all = object.programs.map(({ program, hook: own }) => `${program.name} (${own})`).join(', ');
  if (fitting.length === 0)
    throw new InputError(`it has no program ${name === null ? '' : `${name} `}for ${hook}; it has ${all}`, object.name);
  throw new InputError(
    `it has several programs for ${hook}: ${fitting.map(({ program }) => program.name).join(', ')}`,
    object.name,
    'Name one',
  );
}

export interface Applied {
  readonly objects: ReadonlyMap<string, Delivered>;
  readonly links: readonly BpfLink[];
  /** What `failurePolicy: Ignore` left out, with the reason. */
  readonly leftOut: readonly string[];
  /** The root of trust, which now knows the versions that were loaded. */
  readonly trust: TrustStore;
}

/**
 * Brings a resource onto the device: objects, contents of maps, programs in their order. With `failurePolicy: Fail` everything is attached or nothing.
 * `read` gives the file that a resource names, null where there is none. Throws {@link InputError} with the resource's line.
 */
export async function applyResource(
  resource: HookResource,
  device: Device,
  {
    read,
    where,
    trust,
  }: { readonly read: (file: string) => Promise<Uint8Array | null>; readonly where: string; readonly trust: TrustStore },
): Promise<Applied> {
  const objects = new Map<string, Delivered>();
  const links: BpfLink[] = [];
  const leftOut: string[] = [];
  let known = trust;
  /** With `Ignore`, what cannot be done is noted and left out. */
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof InputError) || resource.failurePolicy === 'Fail') throw error;
      leftOut.push(error.message);
    }
  };
  const objectOf = (name: string, line: number): BpfObject => {
    const delivered = objects.get(name);
    if (!delivered) throw new InputError(`object ${name} was left out`, `${where}, line ${line}`);
    return delivered.object;
  };
  try {
    for (const { name, file, signature, sha256 } of resource.objects)
      await attempt(async () => {
        const bytes = await read(file);
        if (!bytes) throw new InputError('there is no such file', file, `${where} names it for object ${name}`);
        if (sha256 !== null && (await sha256Hex(bytes)) !== sha256)
          throw new InputError(`its SHA-256 is not the one that ${where} states`, file);
        const text = signature === null ? null : await read(signature);
        const delivered = await deliver(bytes, name, text && new TextDecoder().decode(text), known);
        objects.set(name, delivered);
        if (delivered.statement) known = accepted(known, delivered.statement);
      });
    for (const { object, map: mapName, entries, line } of resource.maps)
      await attempt(() => {
        const map = bpf_object__find_map_by_name(objectOf(object, line), mapName);
        if (!map) throw new InputError(`object ${object} has no map ${mapName}`, `${where}, line ${line}`);
        for (const { key, value, line: entryLine } of entries) {
          const sizes = `keys of ${bpf_map__key_size(map)} and values of ${bpf_map__value_size(map)} bytes`;
          const error = bpf_map__update_elem(map, key, value);
          if (error !== 0)
            throw new InputError(
              `map ${mapName} refuses a key of ${key.length} and a value of ${value.length} bytes (errno ${-error}); it has ${sizes}`,
              `${where}, line ${entryLine}`,
            );
        }
      });
    for (const { object, hook, program, order, line } of resource.hooks)
      await attempt(() => {
        links.push(bpf_program__attach(programFor(objectOf(object, line), hook, program), device, { order }));
      });
  } catch (error) {
    for (const link of links) bpf_link__destroy(link);
    throw error;
  }
  return { objects, links, leftOut, trust: known };
}
