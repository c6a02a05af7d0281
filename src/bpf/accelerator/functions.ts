import { ACCEL_HOOKS, type AccelHook } from './hooks.ts';

/** What a parameter is; `mem` and `out` are followed by their size, and `out` is written. */
export interface AccelParam {
  readonly name: string;
  readonly kind: 'ctx' | 'u32' | 'u64' | 'mem' | 'out' | 'size';
}

/** A function of the device that programs call as Linux's programs call kernel functions. All return an int: 0, or a negative errno. */
export interface AccelFunction {
  readonly name: string;
  readonly params: readonly AccelParam[];
  readonly returns: 'int' | 'u64';
  /** Hooks whose programs may call it. */
  readonly hooks: readonly AccelHook[];
  readonly doc: string;
}

const param = (text: string): AccelParam => {
  const [kind, name] = text.split(' ') as [AccelParam['kind'], string];
  return { kind, name };
};

const NOT_TELEMETRY = ACCEL_HOOKS.filter((hook) => hook !== 'telemetry');
const BEFORE_UNITS: readonly AccelHook[] = ['submit', 'validate_tensor', 'dispatch'];
const DATA: readonly AccelHook[] = ['submit', 'validate_tensor', 'dispatch', 'complete'];

type Row = readonly [name: string, params: readonly string[], hooks: readonly AccelHook[], doc: string, returns?: AccelFunction['returns']];

const ROWS: readonly Row[] = [
  ['accel_now_ns', [], ACCEL_HOOKS, 'Time of the device in nanoseconds (modelled): what token buckets count by.', 'u64'],
  [
    'accel_tensor_read',
    ['ctx ctx', 'u32 tensor', 'u64 offset', 'out mem', 'size mem__sz'],
    DATA,
    'Copies bytes of a tensor as it lies in device memory. -EINVAL: no such tensor; -ERANGE: the bytes are not all within it.',
  ],
  [
    'accel_tensor_sha256',
    ['ctx ctx', 'u32 tensor', 'out digest', 'size digest__sz'],
    DATA,
    'SHA-256 (FIPS 180-4) of a tensor’s bytes, 32 of them. -EINVAL: no such tensor, or not room for 32 bytes.',
  ],
  [
    'accel_tensor_hmac',
    ['ctx ctx', 'u32 tensor', 'u32 key', 'out mac', 'size mac__sz'],
    DATA,
    'HMAC-SHA-256 (RFC 2104) of a tensor’s bytes under a key of the enclave. -ENOKEY: no such key.',
  ],
  [
    'accel_tensor_sign',
    ['ctx ctx', 'u32 tensor', 'u32 key'],
    ['complete'],
    'Puts HMAC-SHA-256 of a tensor’s bytes into its descriptor as its provenance and marks it signed.',
  ],
  [
    'accel_tensor_seal',
    ['ctx ctx', 'u32 tensor', 'u32 key'],
    ['submit', 'validate_tensor', 'complete'],
    'Encrypts a tensor in device memory by AES-256-GCM (NIST SP 800-38D) under a key of the enclave, with a nonce never used twice; the units alone decrypt it. -EALREADY: it is sealed.',
  ],
  ['accel_sha256', ['mem data', 'size data__sz', 'out digest', 'size digest__sz'], ACCEL_HOOKS, 'SHA-256 of memory of the program.'],
  [
    'accel_hmac_sha256',
    ['u32 key', 'mem data', 'size data__sz', 'out mac', 'size mac__sz'],
    NOT_TELEMETRY,
    'HMAC-SHA-256 of memory of the program under a key of the enclave. -ENOKEY: no such key.',
  ],
  [
    'accel_uuid',
    ['ctx ctx', 'out uuid', 'size uuid__sz'],
    NOT_TELEMETRY,
    'A UUID of version 7 (RFC 9562), greater than every one before it on this device; 16 bytes in network order.',
  ],
  [
    'accel_trace',
    ['ctx ctx', 'mem record', 'size record__sz'],
    ACCEL_HOOKS,
    'Appends a record to the trace buffer of the device. -ENOSPC: it is full.',
  ],
  [
    'accel_set_priority',
    ['ctx ctx', 'u32 priority'],
    [...BEFORE_UNITS, 'token'],
    'Sets the priority of the rest of the request’s commands.',
  ],
];

/** Functions of the device, by name: the only table; the header, the verifier, the engine and the documentation come from it. */
export const ACCEL_FUNCTIONS: ReadonlyMap<string, AccelFunction> = new Map(
  ROWS.map(([name, params, hooks, doc, returns = 'int' as const]): [string, AccelFunction] => [
    name,
    { name, params: params.map(param), hooks, doc, returns },
  ]),
);
