import type { Progress } from '../base/progress.ts';
import type { MapDef, Origin, Program } from '../bpf/program.ts';
import type { Model } from '../onnx/model.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { FuncBuilder, Reg } from './ir/builder.ts';
import type { IrFunc, OriginId } from './ir/ir.ts';

/** Ranges of every float value, measured by running the reference over a trace (static calibration). */
export interface Calibration {
  readonly source: 'trace' | 'generated';
  readonly samples: number;
  /** Value name → smallest and largest element seen. */
  readonly ranges: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
}

/** Bits of weights and activations. */
export type Quant = 'w8a16';
/** How repeated rows become code: `global` calls one global function for all, and `auto` chooses it for every kernel so far. */
export type Strategy = 'auto' | 'global';

export interface CompileOptions {
  readonly model: Model;
  /** File name that line info and the kernel's log show: `model.onnx`. */
  readonly modelFile: string;
  readonly calibration: Calibration;
  readonly hook: HookCode;
  readonly kernel: KernelVersion;
  readonly strategy: Strategy;
  readonly quant: Quant;
  readonly progress?: Progress;
}

export interface NodeCost {
  readonly index: number;
  readonly name: string;
  readonly op: string;
  /** Instructions that serve this node (its origin is among theirs). */
  readonly insns: number;
}

export interface Compiled {
  readonly program: Program;
  readonly meta: ProgramMeta;
  readonly nodes: readonly NodeCost[];
}

/** Where a model input or output lies in the program's memory, and what its integers mean: real = scale × integer. */
export interface TensorSlot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly map: string;
  readonly byteOff: number;
  /** Stored element; tokens are u16, other inputs i16, outputs i32. */
  readonly elem: 'u16' | 'i16' | 'i32';
  readonly scale: number;
  /** Tokens go from 0 to this, exclusive. */
  readonly vocabulary?: number;
}

/** JSON in `.debug_bpformer`: all that a loader of the object needs beyond libbpf. */
export interface ProgramMeta {
  readonly format: 'bpformer';
  readonly version: 1;
  readonly model: {
    readonly file: string;
    readonly name: string;
    readonly opset: number;
    readonly nodes: readonly { index: number; name: string; op: string }[];
  };
  readonly kernel: KernelVersion;
  readonly strategy: Exclude<Strategy, 'auto'>;
  readonly quant: Quant;
  readonly calibration: { readonly source: 'trace' | 'generated'; readonly samples: number };
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
  /** The binding document as given (typed in src/hooks). */
  readonly binding: unknown;
  /** Origins by instruction as run-length pairs for programs read back from an object. */
  readonly origins: readonly Origin[];
  readonly originRuns: readonly (readonly [count: number, origins: readonly number[]])[];
}

/**
 * What a hook contributes to a program, handed in as data and callbacks because hooks lie above the compiler. The hook builds
 * the main function: it fills the inputs, calls `infer` once, and turns the outputs into a verdict.
 */
export interface HookCode {
  readonly section: string;
  readonly progType: number;
  /** Kind of map that inputs and outputs live in: `percpu` for packets, `shared` for tensors that user space writes and reads. */
  readonly io: 'percpu' | 'shared';
  readonly maps: readonly MapDef[];
  readonly binding: unknown;
  buildMain(context: HookContext): readonly IrFunc[];
}

export interface HookContext {
  readonly kernel: KernelVersion;
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
  /** Registers an origin for binding code. */
  addOrigin(origin: Origin): OriginId;
  /** Address of entry 0 of map `name` (looked up, null-checked: on null the function returns `onNull`). */
  lookup(b: FuncBuilder, map: string, onNull: number): Reg;
  /** Adds initialised read/write data to the weights section and gives a callback for its address (tables such as exp for a score). */
  addTable(bytes: Uint8Array): (b: FuncBuilder) => Reg;
  /** Emits the calls that run the whole model on the inputs that were stored. */
  infer(b: FuncBuilder): void;
}
