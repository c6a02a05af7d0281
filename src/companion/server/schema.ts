import { InputError } from '../../base/errors.ts';
import type { ValueField } from '../../bpf/program.ts';
import type { Envelope } from '../envelope.ts';
import type { LoadRequest, MapMessage, ProgramMessage, RunRequest } from '../protocol.ts';
import { LIMITS } from './limits.ts';

/** Takes a value of a message at a place, or throws {@link InputError} that names the place. */
type Check<T> = (value: unknown, at: string) => T;

function fail(at: string, what: string): never {
  throw new InputError(what, at || 'message');
}

const whole =
  (min: number, max: number): Check<number> =>
  (value, at) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : fail(at, `must be a whole number from ${min} to ${max}`);

const text =
  (most: number, pattern?: RegExp): Check<string> =>
  (value, at) =>
    typeof value === 'string' && value.length <= most && (!pattern || pattern.test(value))
      ? value
      : fail(at, `must be a text of at most ${most} characters${pattern ? ` of the form ${pattern.source}` : ''}`);

const flag: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : fail(at, 'must be true or false'));

const oneOf =
  <T extends string>(...words: readonly T[]): Check<T> =>
  (value, at) =>
    words.includes(value as T) ? (value as T) : fail(at, `must be one of ${words.join(', ')}`);

const list =
  <T>(item: Check<T>, most: number): Check<T[]> =>
  (value, at) => {
    if (!Array.isArray(value) || value.length > most) fail(at, `must be a list of at most ${most}`);
    return value.map((one, i) => item(one, `${at}[${i}]`));
  };

const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value, at) =>
    value === undefined ? undefined : check(value, at);

type Fields<T> = { readonly [Key in keyof T]-?: Check<T[Key]> };

/** An object with these members and no others; members that may be absent are left out where they are. */
const object =
  <T extends object>(fields: Fields<T>): Check<T> =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(at, 'must be an object');
    for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) fail(at ? `${at}.${key}` : key, 'is not known');
    const made: Record<string, unknown> = {};
    for (const [key, check] of Object.entries(fields) as [string, Check<unknown>][]) {
      const given = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
      const taken = check(given, at ? `${at}.${key}` : key);
      if (taken !== undefined) made[key] = taken;
    }
    return made as T;
  };

const U32 = 2 ** 32 - 1;
const lease = text(64, /^[A-Za-z0-9_-]+$/);
const handle = whole(1, U32);
/** Names of functions, structures and attach points; the kernel checks the rest. */
const name = text(256);
const blob = whole(0, 4095);

const field = object<ValueField>({
  kind: text(32, /^[a-z_]+$/),
  byteOff: whole(0, U32),
  size: whole(0, U32),
  target: optional(name),
  nodeOff: optional(whole(0, U32)),
  targetSize: optional(whole(0, U32)),
} as Fields<ValueField>);

const mapFields = (inner: Check<MapMessage | undefined>): Fields<MapMessage> =>
  ({
    name,
    type: whole(0, 255),
    keySize: whole(0, 1 << 16),
    valueSize: whole(0, LIMITS.mapBytes),
    maxEntries: whole(0, U32),
    flags: whole(0, U32),
    data: optional(blob),
    frozen: optional(flag),
    inner,
    spinLockOff: optional(whole(0, U32)),
    fields: optional(list(field, 64)),
  }) as Fields<MapMessage>;

const nothing: Check<undefined> = (value, at) => (value === undefined ? undefined : fail(at, 'must not be there'));
const map = object<MapMessage>(mapFields(optional(object<MapMessage>(mapFields(nothing)))));

const kfunc: Check<readonly [number, string]> = (value, at) => {
  if (!Array.isArray(value) || value.length !== 2) fail(at, 'must be an instruction and a name');
  return [whole(0, LIMITS.instructions)(value[0], `${at}[0]`), name(value[1], `${at}[1]`)];
};

const program = object<ProgramMessage>({
  name: text(64),
  progType: whole(0, 255),
  expectedAttachType: whole(0, 255),
  loadFlags: whole(0, U32),
  sleepable: flag,
  license: text(64),
  attachTo: optional(name),
  code: blob,
  kfuncs: list(kfunc, 65_536),
  maps: list(map, LIMITS.maps),
  btf: optional(object({ types: blob, funcInfo: blob, lineInfo: blob })),
  object: optional(blob),
} as Fields<ProgramMessage>);

const load = object<LoadRequest>({
  lease,
  program,
  logLevel: whole(0, 7),
  keep: flag,
  guest: optional(text(16, /^\d+\.\d+$/)),
} as Fields<LoadRequest>);

const run = object<RunRequest>({
  lease,
  handle,
  repeat: whole(1, LIMITS.repeat),
  count: whole(1, LIMITS.runs),
  input: object({ kind: oneOf('packet', 'context'), bytes: blob, lengths: blob }),
  set: list(object({ map: name, values: blob }), 16),
  read: list(name, 16),
  wantData: flag,
});

/** Every request but for its blobs, by the name under which it is asked for. */
export const REQUESTS = {
  hello: object<object>({}),
  load,
  run,
  drop: object<{ lease: string; handle: number }>({ lease, handle }),
  dump: object<{ lease: string; handle: number; what: 'xlated' | 'jited' }>({ lease, handle, what: oneOf('xlated', 'jited') }),
  maps: object<{ lease: string; handle: number }>({ lease, handle }),
  entries: object<{ lease: string; handle: number; map: string; from: number; most: number }>({
    lease,
    handle,
    map: name,
    from: whole(0, U32),
    most: whole(1, LIMITS.mapEntries),
  }),
  update: object<{ lease: string; handle: number; map: string; key: number; value: number }>({
    lease,
    handle,
    map: name,
    key: blob,
    value: blob,
  }),
  btf: object<object>({}),
  features: object<object>({}),
} as const;

export type RequestName = keyof typeof REQUESTS;
export type Requests = { readonly [Name in RequestName]: ReturnType<(typeof REQUESTS)[Name]> };

export const isRequest = (name: string): name is RequestName => Object.hasOwn(REQUESTS, name);

/** The head of a message as the request that it says it is. Throws {@link InputError} that names the member that is wrong. */
export function checkRequest<Name extends RequestName>(name: Name, { head }: Envelope): Requests[Name] {
  const { blobs: _, ...rest } = head;
  return REQUESTS[name](rest, '') as Requests[Name];
}

/** A blob that a message names. */
export function blobOf({ blobs }: Envelope, index: number, at: string): Uint8Array {
  return blobs[index] ?? fail(at, `names blob ${index}, and there are ${blobs.length}`);
}
