import { ACCEL_FUNCTIONS, type AccelFunction } from '../bpf/accelerator/functions.ts';
import { ACCEL_HELPERS, ACCEL_KFUNCS } from '../bpf/accelerator/helpers.ts';
import { ACCEL_HOOK_DEFS, ACCEL_HOOKS, ACCEL_RETURNS, ACCEL_STACK_BYTES, PROG_TYPE_ACCELERATOR } from '../bpf/accelerator/hooks.ts';
import { CONTEXT_LAYOUT, MATRIX_REGISTERS } from '../bpf/accelerator/layout.ts';
import { type Kfunc, type KfuncParam, kfuncNamed } from './kfunc-table.ts';
import { PROFILES } from './profile.ts';

/** Programs on the simulated accelerator: importing this file lets the verifier judge them. */

const MAX_ERRNO = 4095;
const SIZES = { u8: 1, u32: 4, u64: 8 } as const;

const hookAt = (attachType: number): (typeof ACCEL_HOOKS)[number] => ACCEL_HOOKS[attachType]!;

/** Bytes of the context that each hook's programs may write. */
const WRITABLE = ACCEL_HOOKS.map((hook) => {
  const bytes = new Uint8Array(CONTEXT_LAYOUT.bytes);
  for (const { name, type, count, byteOff } of CONTEXT_LAYOUT.fields)
    if (type !== 'tensor' && ACCEL_HOOK_DEFS[hook].writes.includes(name)) bytes.fill(1, byteOff, byteOff + SIZES[type] * count);
  return bytes;
});

const POINTER = { kind: 'pointer', struct: '', size: 0, suffix: '' } as const;
const scalar = (size: number, suffix = ''): KfuncParam => ({ kind: 'scalar', to: 'void', struct: '', size, suffix });

const PARAMS: Readonly<Record<AccelFunction['params'][number]['kind'], KfuncParam>> = {
  ctx: { ...POINTER, to: 'struct', struct: 'bpf_context' },
  u32: scalar(4),
  u64: scalar(8),
  mem: { ...POINTER, to: 'void' },
  out: { ...POINTER, to: 'void' },
  size: scalar(4, 'sz'),
};

const functions = new Map<string, Kfunc>(
  [...ACCEL_FUNCTIONS.values()].map(({ name, params, returns }) => [
    name,
    {
      name,
      result: scalar(returns === 'u64' ? 8 : 4),
      params: params.map(({ kind }) => PARAMS[kind]),
      acquires: false,
      releases: false,
      resultMayBeNull: false,
      trustedArgs: false,
      rcuArgs: false,
      sleepable: false,
      rcuProtected: false,
      iterator: null,
      progTypes: new Set([PROG_TYPE_ACCELERATOR]),
      isErrno: returns === 'int',
    },
  ]),
);

/** A 48-bit window of addresses is compared in halves. */
const isWithin = (high: number, low: number, { base, bytes }: { readonly base: number; readonly bytes: number }): boolean => {
  const address = (high >>> 0) * 4294967296 + (low >>> 0);
  return address >= base && address < base + bytes;
};

PROFILES.set(PROG_TYPE_ACCELERATOR, {
  stackBytes: ACCEL_STACK_BYTES,
  contextStruct: 'bpf_context',
  hookName: (attachType) => `accelerator/${hookAt(attachType)}`,
  mayAccess(attachType, off, size, write) {
    if (off < 0 || off + size > CONTEXT_LAYOUT.bytes) return false;
    return !write || WRITABLE[attachType]!.subarray(off, off + size).every((may) => may === 1);
  },
  hasHelper: (_attachType, id) => ACCEL_HELPERS.has(id),
  functionNamed(attachType, name) {
    if (ACCEL_KFUNCS.has(name)) return kfuncNamed(name);
    return ACCEL_FUNCTIONS.get(name)?.hooks.includes(hookAt(attachType)) ? functions.get(name) : undefined;
  },
  returns(attachType) {
    const { returns } = ACCEL_HOOK_DEFS[hookAt(attachType)];
    const most = returns.includes('reorder')
      ? ACCEL_RETURNS.REORDER
      : returns.includes('defer')
        ? ACCEL_RETURNS.DEFER
        : ACCEL_RETURNS.CONTINUE;
    return [returns.includes('abort') ? -MAX_ERRNO : 0, most];
  },
  describeAddress: (high, low) => (isWithin(high, low, MATRIX_REGISTERS) ? 'a register of the matrix units' : null),
});
