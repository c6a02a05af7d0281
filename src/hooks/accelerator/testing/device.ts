import { ACCEL_RETURNS, type AccelHook } from '../../../bpf/accelerator/hooks.ts';
import type { AccelOp, AccelRole } from '../../../bpf/accelerator/layout.ts';
import type { Command, Kernel, TensorDesc } from '../command.ts';
import { CONTEXT_OFFSETS } from '../context.ts';
import type { DeviceServices, HookProgram } from '../runner.ts';

const FLOAT = 1;

/** A dense tensor of floats. */
export function tensorAt(addr: number, dims: readonly number[], role: AccelRole = 'activation'): TensorDesc {
  const strides = dims.map((_, at) => 4 * dims.slice(at + 1).reduce((n, dim) => n * dim, 1));
  const bytes = 4 * dims.reduce((n, dim) => n * dim, 1);
  return { name: `t${addr}`, dims, strides, dtype: FLOAT, addr, bytes, role, digest: null, sealed: false, signed: false };
}

export interface CommandSketch {
  readonly seq: number;
  readonly request?: number;
  readonly token?: number;
  readonly tenant?: number;
  readonly layer?: number;
  readonly op?: AccelOp;
  /** Addresses of 8 floats each. */
  readonly reads?: readonly number[];
  readonly writes?: readonly number[];
  readonly flops?: number;
  readonly bytes?: number;
  readonly priority?: number;
  readonly deadlineNs?: number;
  readonly kernel?: Kernel;
}

export function commandOf(sketch: CommandSketch): Command {
  const { reads = [], writes = [], request = 0, token = 0, tenant = 0, layer = 0, op = 'other', flops = 0, bytes = 0 } = sketch;
  return {
    seq: sketch.seq,
    request,
    token,
    tenant,
    layer,
    op,
    nodes: [],
    label: `c${sketch.seq}`,
    tensors: [...reads.map((addr) => tensorAt(addr, [8])), ...writes.map((addr) => tensorAt(addr, [8], 'output'))],
    flops,
    bytes,
    deadlineNs: sketch.deadlineNs ?? 0,
    priority: sketch.priority ?? 100,
    key: 0,
    ...(sketch.kernel ? { kernel: sketch.kernel } : {}),
  };
}

/** What a program that is a function sees of its context, and may write. */
export interface Seen {
  readonly seq: number;
  readonly request: number;
  readonly token: number;
  readonly tensorIndex: number;
  readonly nowNs: number;
  readonly status: number;
  set(field: 'priority' | 'key' | 'defer_ns', value: number): void;
}

/** A program that is a function: returns what the function does, or 0. */
export function fake(
  name: string,
  hook: AccelHook,
  decide: (seen: Seen, services: DeviceServices) => number | undefined = () => ACCEL_RETURNS.CONTINUE,
  insns = 10,
): HookProgram {
  return {
    name,
    hook,
    run: (context, services) => {
      const view = new DataView(context.buffer, context.byteOffset, context.byteLength);
      const u64 = (field: string): number => Number(view.getBigUint64(CONTEXT_OFFSETS[field]!, true));
      const u32 = (field: string): number => view.getUint32(CONTEXT_OFFSETS[field]!, true);
      const returnValue = decide(
        {
          seq: u64('seq'),
          request: u64('request'),
          token: u32('token'),
          tensorIndex: u32('tensor_index'),
          nowNs: u64('now_ns'),
          status: u32('status'),
          set: (field, value) => {
            if (field === 'defer_ns') view.setBigUint64(CONTEXT_OFFSETS[field]!, BigInt(value), true);
            else view.setUint32(CONTEXT_OFFSETS[field]!, value, true);
          },
        },
        services,
      );
      return { returnValue: returnValue ?? ACCEL_RETURNS.CONTINUE, insns, calls: new Map(), context };
    },
  };
}
