import type { AccelHook } from '../../bpf/accelerator/hooks.ts';
import type { AccelOp, AccelRole } from '../../bpf/accelerator/layout.ts';

/** A tensor in device memory, as the driver describes it. */
export interface TensorDesc {
  readonly name: string;
  readonly dims: readonly number[];
  /** Bytes from one element to the next along each dimension; as many as `dims`. */
  readonly strides: readonly number[];
  /** ONNX's number of the element type. */
  readonly dtype: number;
  readonly addr: number;
  readonly bytes: number;
  readonly role: AccelRole;
  /** 32 bytes; null where nobody vouches. */
  digest: Uint8Array | null;
  sealed: boolean;
  signed: boolean;
}

/** The work of a command on real bytes. */
export interface Kernel {
  /** `computed`: the units do the arithmetic; `recorded`: they give back what the reference computed for the same inputs. */
  readonly how: 'computed' | 'recorded';
  /** Plain bytes of the command's inputs, in order; gives those of its outputs. */
  run(inputs: readonly Uint8Array[]): readonly Uint8Array[];
}

/** One command to the matrix units. Commands of one `pass` (one token of one request) are submitted together. */
export interface Command {
  /** Order of submission over the whole device, from 0. */
  readonly seq: number;
  readonly request: number;
  readonly tenant: number;
  readonly token: number;
  readonly layer: number;
  readonly op: AccelOp;
  /** The ONNX nodes that it does the work of, by index in the model; several after fusion. */
  readonly nodes: readonly number[];
  readonly label: string;
  /** Inputs in the operator's order, then outputs. The first eight are described to programs. */
  readonly tensors: readonly TensorDesc[];
  readonly flops: number;
  /** Bytes between memory and units. */
  readonly bytes: number;
  /** Of the device's clock, ns; 0 none. */
  readonly deadlineNs: number;
  priority: number;
  /** Handle of the request's key; 0 none. */
  key: number;
  /** Elements of the largest value that it makes on the way, where none of its outputs is as large: what decides over how many units it spreads. */
  readonly width?: number;
  /** Without one the command takes its time and leaves memory as it is. */
  readonly kernel?: Kernel;
}

/** What the device adds to a command when a hook runs. */
export interface HookMoment {
  readonly hook: AccelHook;
  /** Which of the command's tensors the call is about. */
  readonly tensorIndex: number;
  readonly nowNs: number;
  readonly queuedNs: number;
  /** At `complete`. */
  readonly elapsedNs: number;
  readonly queueDepth: number;
  readonly unitsBusy: number;
  readonly status: number;
}
