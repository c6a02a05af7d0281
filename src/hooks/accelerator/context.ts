import { InputError } from '../../base/errors.ts';
import { ACCEL_HOOKS } from '../../bpf/accelerator/hooks.ts';
import {
  ACCEL_OPS,
  ACCEL_ROLES,
  CONTEXT_LAYOUT,
  DIGEST_BYTES,
  type Layout,
  MOST_DIMS,
  MOST_TENSORS,
  TENSOR_FLAGS,
  TENSOR_LAYOUT,
} from '../../bpf/accelerator/layout.ts';
import type { Command, HookMoment, TensorDesc } from './command.ts';

/** The bytes behind a program's r1, `struct bpf_context`: what the device writes there, and what it reads back. */

const offsetsOf = (layout: Layout): Readonly<Record<string, number>> =>
  Object.fromEntries(layout.fields.map(({ name, byteOff }) => [name, byteOff]));

/** Where each field lies, by name. */
export const CONTEXT_OFFSETS = offsetsOf(CONTEXT_LAYOUT);
export const TENSOR_OFFSETS = offsetsOf(TENSOR_LAYOUT);
export const CONTEXT_BYTES = CONTEXT_LAYOUT.bytes;

const TWO_32 = 4294967296;

/** A whole number from 0 to 2^53 - 1. */
function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

const getU64 = (view: DataView, at: number): number => view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);

function encodeTensor(view: DataView, bytes: Uint8Array, at: number, tensor: TensorDesc): void {
  const off = TENSOR_OFFSETS;
  if (tensor.dims.length > MOST_DIMS)
    throw new InputError(`it has ${tensor.dims.length} dimensions, and a command describes ${MOST_DIMS}`, `tensor ${tensor.name}`);
  for (let i = 0; i < MOST_DIMS; i++) {
    view.setUint32(at + off.dim! + i * 4, tensor.dims[i] ?? 1, true);
    setU64(view, at + off.stride! + i * 8, tensor.strides[i] ?? 0);
  }
  view.setUint32(at + off.rank!, tensor.dims.length, true);
  view.setUint32(at + off.dtype!, tensor.dtype, true);
  setU64(view, at + off.addr!, tensor.addr);
  setU64(view, at + off.size!, tensor.bytes);
  if (tensor.digest) bytes.set(tensor.digest.subarray(0, DIGEST_BYTES), at + off.digest!);
  view.setUint32(at + off.role!, ACCEL_ROLES.indexOf(tensor.role), true);
  view.setUint32(at + off.flags!, (tensor.sealed ? TENSOR_FLAGS.sealed : 0) | (tensor.signed ? TENSOR_FLAGS.signed : 0), true);
}

/**
 * The context of one run. Of a command with more tensors than a context describes, the first ones are there, and `tensor` may be any of them.
 * Throws {@link InputError} for a tensor of more than eight dimensions.
 */
export function encodeContext(command: Command, moment: HookMoment): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_BYTES);
  const view = new DataView(bytes.buffer);
  const at = CONTEXT_OFFSETS;
  const described = command.tensors.slice(0, MOST_TENSORS);
  for (const [i, tensor] of described.entries()) encodeTensor(view, bytes, at.tensors! + i * TENSOR_LAYOUT.bytes, tensor);
  const about = command.tensors[moment.tensorIndex];
  if (about) encodeTensor(view, bytes, at.tensor!, about);
  const u32 = (name: string, value: number): void => view.setUint32(at[name]!, value, true);
  const u64 = (name: string, value: number): void => setU64(view, at[name]!, value);
  u64('seq', command.seq);
  u64('request', command.request);
  u32('tenant', command.tenant);
  u32('token', command.token);
  u32('layer', command.layer);
  u32('op', ACCEL_OPS.indexOf(command.op));
  u32('hook', ACCEL_HOOKS.indexOf(moment.hook));
  u32('tensor_count', command.tensors.length);
  u32('tensor_index', moment.tensorIndex);
  u32('priority', command.priority);
  u64('deadline_ns', command.deadlineNs);
  u64('now_ns', moment.nowNs);
  u64('flops', command.flops);
  u64('bytes', command.bytes);
  u64('queued_ns', moment.queuedNs);
  u64('elapsed_ns', moment.elapsedNs);
  u32('queue_depth', moment.queueDepth);
  u32('units_busy', moment.unitsBusy);
  u32('key', command.key);
  u32('status', moment.status);
  return bytes;
}

/** What a program may have changed in its context. */
export interface ContextWrites {
  readonly priority: number;
  readonly key: number;
  readonly deferNs: number;
}

export function readWrites(context: Uint8Array): ContextWrites {
  const view = new DataView(context.buffer, context.byteOffset, context.byteLength);
  return {
    priority: view.getUint32(CONTEXT_OFFSETS.priority!, true),
    key: view.getUint32(CONTEXT_OFFSETS.key!, true),
    deferNs: getU64(view, CONTEXT_OFFSETS.defer_ns!),
  };
}

/** A context in words: every field by its name in the structure; digests as bytes. */
export interface DecodedContext {
  readonly [field: string]: number | readonly number[] | Uint8Array | DecodedContext | readonly DecodedContext[];
}

/** Reads what {@link encodeContext} wrote, or what a program left. Throws {@link InputError} when bytes are missing. */
export function decodeContext(context: Uint8Array): DecodedContext {
  if (context.length < CONTEXT_BYTES)
    throw new InputError(`it has ${context.length} bytes, and struct bpf_context has ${CONTEXT_BYTES}`, 'context');
  return decodeLayout(CONTEXT_LAYOUT, context, 0);
}

function decodeLayout(layout: Layout, bytes: Uint8Array, base: number): DecodedContext {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = layout.fields.map(({ name, type, count, byteOff }): [string, DecodedContext[string]] => {
    const at = base + byteOff;
    if (type === 'u8') return [name, bytes.slice(at, at + count)];
    if (type === 'tensor') {
      const tensors = Array.from({ length: count }, (_, i) => decodeLayout(TENSOR_LAYOUT, bytes, at + i * TENSOR_LAYOUT.bytes));
      return [name, count === 1 ? tensors[0]! : tensors];
    }
    const size = type === 'u32' ? 4 : 8;
    const values = Array.from({ length: count }, (_, i) => (size === 4 ? view.getUint32(at + i * 4, true) : getU64(view, at + i * 8)));
    return [name, count === 1 ? values[0]! : values];
  });
  return Object.fromEntries(entries);
}
