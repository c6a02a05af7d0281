/**
 * The command structure that programs on the simulated accelerator see: one table, from which the C header, its documentation, the BTF and the
 * verifier's checks of context accesses come. Little-endian, naturally aligned, no holes.
 */

/** `struct accel_tensor` and `struct bpf_context` are made of these. */
export interface LayoutField {
  readonly name: string;
  readonly type: 'u8' | 'u32' | 'u64' | 'tensor';
  /** Elements of an array; 1 for a plain field. */
  readonly count: number;
  readonly byteOff: number;
  readonly doc: string;
}

export interface Layout {
  readonly fields: readonly LayoutField[];
  readonly bytes: number;
}

type Row = readonly [name: string, type: LayoutField['type'], count: number, doc: string];

const SIZES = { u8: 1, u32: 4, u64: 8 } as const;

function layoutOf(rows: readonly Row[], tensorBytes: number): Layout {
  let byteOff = 0;
  const fields = rows.map(([name, type, count, doc]) => {
    const field = { name, type, count, doc, byteOff };
    byteOff += count * (type === 'tensor' ? tensorBytes : SIZES[type]);
    return field;
  });
  return { fields, bytes: byteOff };
}

export const MOST_DIMS = 8;
/** Tensors of one command that its context describes: inputs in the order of the operator, outputs behind them. */
export const MOST_TENSORS = 8;
export const DIGEST_BYTES = 32;

/** `struct accel_tensor`: what the driver says of one tensor. */
export const TENSOR_LAYOUT: Layout = layoutOf(
  [
    ['dim', 'u32', MOST_DIMS, 'Elements along each dimension, outermost first; 1 behind the last.'],
    ['rank', 'u32', 1, 'Dimensions that the tensor has, 0 to 8.'],
    ['dtype', 'u32', 1, 'Type of an element, numbered as in ONNX (TensorProto.DataType).'],
    ['stride', 'u64', MOST_DIMS, 'Bytes from one element to the next along each dimension.'],
    ['addr', 'u64', 1, 'Address in device memory.'],
    ['size', 'u64', 1, 'Bytes in device memory.'],
    ['digest', 'u8', DIGEST_BYTES, 'Provenance: HMAC-SHA-256 of the bytes under the key of who made them; zeros where nobody vouches.'],
    ['role', 'u32', 1, 'enum accel_role: activation, weight or output.'],
    ['flags', 'u32', 1, 'enum accel_tensor_flags: sealed, signed.'],
  ],
  0,
);

/** `struct bpf_context`, alias `GaudiCmd`: the command as a program sees it. */
export const CONTEXT_LAYOUT: Layout = layoutOf(
  [
    ['tensor', 'tensor', 1, 'The tensor that this call is about; where a call is about the whole command, its first.'],
    ['seq', 'u64', 1, 'Number of the command, in the order in which the driver submitted them, from 0.'],
    ['request', 'u64', 1, 'The inference request that the command belongs to.'],
    ['tenant', 'u32', 1, 'Who asked.'],
    ['token', 'u32', 1, 'Which token of the request the pass makes, from 0.'],
    ['layer', 'u32', 1, 'Layer of the model that the command belongs to, from 0.'],
    ['op', 'u32', 1, 'enum accel_op: what the matrix units are asked to do.'],
    ['hook', 'u32', 1, 'enum accel_hook: where the program is attached.'],
    ['tensor_count', 'u32', 1, 'Tensors of the command; `tensors` describes the first eight of them.'],
    ['tensor_index', 'u32', 1, 'Which of `tensors` `tensor` is a copy of.'],
    ['priority', 'u32', 1, 'Higher goes first; 100 unless the driver or a program says otherwise.'],
    ['deadline_ns', 'u64', 1, 'Time of the device by which the request should be done; 0 none.'],
    ['now_ns', 'u64', 1, 'Time of the device (modelled).'],
    ['defer_ns', 'u64', 1, 'With ACCEL_DEFER: how long the command waits before it is dispatched again.'],
    ['flops', 'u64', 1, 'Floating-point operations of the command.'],
    ['bytes', 'u64', 1, 'Bytes that the command moves between memory and the units.'],
    ['queued_ns', 'u64', 1, 'How long the command has been in the queue (modelled).'],
    ['elapsed_ns', 'u64', 1, 'How long the units took (modelled); 0 before `complete`.'],
    ['queue_depth', 'u32', 1, 'Commands in the queue.'],
    ['units_busy', 'u32', 1, 'Matrix units at work.'],
    ['key', 'u32', 1, 'Handle of the request’s key in the enclave of the device; 0 none.'],
    ['status', 'u32', 1, 'At `complete`: 0, or the errno that the command ended with.'],
    ['tensors', 'tensor', MOST_TENSORS, 'Every tensor of the command.'],
  ],
  TENSOR_LAYOUT.bytes,
);

/**
 * Where the registers of the matrix units lie in the device's address space: no tensor is there, no function of the device takes an address,
 * and the verifier refuses a program that makes one up.
 */
export const MATRIX_REGISTERS = { base: 0x4d_4355_0000_0000, bytes: 1 << 20 } as const;

/** What the units can be asked to do: operators of models come down to these, by number. */
export const ACCEL_OPS = [
  'nop',
  'matmul',
  'add',
  'mul',
  'activation',
  'softmax',
  'normalise',
  'reduce',
  'move',
  'gather',
  'convolve',
  'other',
  'fused',
] as const;
export type AccelOp = (typeof ACCEL_OPS)[number];

export const ACCEL_ROLES = ['activation', 'weight', 'output'] as const;
export type AccelRole = (typeof ACCEL_ROLES)[number];

/** Bits of a tensor's `flags`. */
export const TENSOR_FLAGS = { sealed: 1, signed: 2 } as const;
