import type { AccelHook } from '../../../bpf/accelerator/hooks.ts';
import type { Command, HookMoment, TensorDesc } from '../command.ts';
import type { DeviceServices } from '../runner.ts';

/** A command with one matrix of `rows` × 16 float32 and what a device says beside it. */

export function tensorOf(rows: number, more: Partial<TensorDesc> = {}): TensorDesc {
  return {
    name: 'x',
    dims: [rows, 16],
    strides: [64, 4],
    dtype: 1,
    addr: 0x10000,
    bytes: rows * 64,
    role: 'activation',
    digest: null,
    sealed: false,
    signed: false,
    ...more,
  };
}

export function commandOf(rows: number, more: Partial<Command> = {}): Command {
  return {
    seq: 7,
    request: 3,
    tenant: 2,
    token: 1,
    layer: 4,
    op: 'matmul',
    nodes: [0],
    label: 'MatMul',
    tensors: [tensorOf(rows)],
    flops: 1e9,
    bytes: 5e9,
    deadlineNs: 0,
    priority: 100,
    key: 0,
    ...more,
  };
}

export function momentOf(hook: AccelHook, more: Partial<HookMoment> = {}): HookMoment {
  return { hook, tensorIndex: 0, nowNs: 1_000_000_000, queuedNs: 10, elapsedNs: 0, queueDepth: 1, unitsBusy: 2, status: 0, ...more };
}

/** A device that has nothing; `more` gives it something. */
export function servicesOf(more: Partial<DeviceServices> = {}): DeviceServices {
  return {
    nowNs: () => 1_000_000_000n,
    tensorRead: () => -22,
    tensorBytes: () => -22,
    key: () => null,
    sign: () => -22,
    seal: () => -22,
    uuid: () => new Uint8Array(16),
    trace: () => -28,
    setPriority: () => 0,
    ...more,
  };
}
