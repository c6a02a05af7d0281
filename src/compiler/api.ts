import type { Progress } from '../base/progress.ts';
import type { MapDef, Origin, Program } from '../bpf/program.ts';
import type { Model } from '../onnx/model.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { Rules } from './graph/rule.ts';
import type { IndexMap } from './graph/view.ts';
import type { FuncBuilder, Reg } from './ir/builder.ts';
import type { IrFunc, OriginId } from './ir/ir.ts';
import type { IrMap } from './ir/numbered.ts';
import type { Parts } from './parts.ts';
import type { PassNote } from './passes/note.ts';

/** Ranges of every float value, measured by running the reference over a trace (static calibration). */
export interface Calibration {
  readonly source: 'trace' | 'generated';
  readonly samples: number;
  /** Absent: `minmax`. Weights are scaled in the same way, by channel. */
  readonly method?: CalibrationMethod;
  /** By value name. */
  readonly ranges: Readonly<Record<string, CalibratedRange>>;
}

/** What a calibration saw of a value. */
export interface CalibratedRange {
  /** Smallest and largest finite element. */
  readonly min: number;
  readonly max: number;
  /** Where the method says so, the magnitude to saturate at in 16 and in 8 bits. */
  readonly clip?: { readonly wide: number; readonly narrow: number };
  /** Where some elements are as low as attention masks are: largest magnitude of the others. */
  readonly unmasked?: number;
  /** All elements were 0 or 1. Only inputs are looked at. */
  readonly flags?: boolean;
}

/** Bits of weights and of the activations that they multiply; `precision.ts` says what each is. */
export type Precision = 'w16a16' | 'w8a16' | 'w8a8' | 'w4a16' | 'w2a16' | 'w2a8' | 'w1a16' | 'w1a8';
/** A precision for all products, and after commas others for some nodes: `w8a16,/layer1/MatMul=w16a16`. */
export type Quant = Precision | `${Precision},${string}`;
/** How a scale is chosen: by the largest magnitude, by the magnitude that so many per cent do not exceed, or by the smallest mean square error. */
export type CalibrationMethod = 'minmax' | `percentile:${number}` | 'mse';
/** How loops become code; `strategy.ts` says what each is and which kernels take it. */
export type FixedStrategy = 'global' | 'bounded' | 'may_goto' | 'bpf_loop' | 'unrolled';
export type Strategy = 'auto' | FixedStrategy;

export interface CompileOptions {
  readonly model: Model;
  /** File name that line info and the kernel's log show: `model.onnx`. */
  readonly modelFile: string;
  readonly calibration: Calibration;
  readonly hook: HookCode;
  readonly kernel: KernelVersion;
  readonly strategy: Strategy;
  readonly quant: Quant;
  /** Weights of small and sparse matrices stand in the code, zeros are skipped: the object takes no other weights. */
  readonly specialise?: boolean;
  /** What `familiesFor(model)` gave; without it only the operators that are always at hand. */
  readonly families?: Rules;
  /** What `partsFor(options)` gave: needed where the precision is ternary or binary. */
  readonly parts?: Parts;
  /** Inputs and outputs of a program that the weights are for: they keep its scales. */
  readonly slots?: { readonly inputs: readonly TensorSlot[]; readonly outputs: readonly TensorSlot[] };
  readonly progress?: Progress;
  /** Told of each pass that is done, for those who look at what it changed; what it is given must not be changed. Without it nothing is kept. */
  readonly onPass?: (note: PassNote) => void;
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
  /** Where values stand while the program runs; not part of the object. */
  readonly tensors: TensorPlan;
  /** What the integers of the weights mean; not part of the object. */
  readonly weights: readonly WeightScales[];
  /** The low-level IR and the instructions of each operation; not part of the object. */
  readonly ir: IrMap;
}

/** Integers of one initializer in the weights map: real = scale × integer, with a scale for each entry along `axis` of the stored tensor. */
export interface WeightScales {
  readonly name: string;
  readonly axis: number;
  readonly elem: 'i4' | 'i8' | 'i16';
  /** Largest magnitude of an integer. */
  readonly max: number;
  readonly scales: Float64Array;
}

/** Integers in memory that one step writes (or the hook, for inputs): real = scale × integer. */
export interface ValueBuffer {
  readonly name: string;
  readonly dims: readonly number[];
  /** ONNX nodes that the step serves: the node itself and what was folded into it. */
  readonly nodes: readonly number[];
  readonly elem: 'u16' | 'i16' | 'i32';
  readonly scale: number;
  /** Integers are saturated at this magnitude. */
  readonly max: number;
  /** Elements may stand for minus infinity: they are only low enough, not equal to the reference. */
  readonly masks: boolean;
  readonly map: string;
  /** Over all pages of the map. */
  readonly byteOff: number;
  /** The stage that completes it; -1 for inputs, which stand before the first. Other values may take its place after later stages. */
  readonly stage: number;
  /**
   * Null: all of it is in memory when its stage returns. Else only the rows of one iteration are, side by side, once call number `call`
   * of the iteration has returned; `strides` say where in the value, for each of the stage's loops.
   */
  readonly rows: {
    readonly elems: number;
    readonly call: number;
    readonly strides: readonly number[];
    /** The two rows stand in words, an element of each in the halves of a word; integers are raised by this. */
    readonly words?: number;
    /**
     * Of a value inside a kernel of several operators: elements of the two rows alternate, and they are whole when that call of a kernel
     * comes to its first instruction for node `before`. `shares`: an integer is worth its share of its row's sum; `scale` is that of a sum of `max`.
     */
    readonly inner?: { readonly before: number; readonly shares: boolean };
  } | null;
}

/** An ONNX value that the program holds: a buffer, seen through an index map (null: as it lies); its reals are `gain` times the buffer's. */
export interface ValuePlace {
  readonly name: string;
  readonly dims: readonly number[];
  readonly map: IndexMap | null;
  readonly gain: number;
  readonly buffer: number;
}

/** Where the values of a compiled model stand while it runs. Values that are in no list were folded into a neighbour's kernel. */
export interface TensorPlan {
  /** Functions that run the model in order: `calls` kernels an iteration, over loops `outer`, the last in steps of `lanes`. */
  readonly stages: readonly {
    readonly name: string;
    readonly outer: readonly number[];
    readonly lanes: 1 | 2 | 3;
    readonly calls: number;
  }[];
  readonly buffers: readonly ValueBuffer[];
  readonly values: readonly ValuePlace[];
}

/** Where a model input or output lies in the program's memory, and what its integers mean: real = scale × integer. */
export interface TensorSlot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly map: string;
  readonly byteOff: number;
  /** Stored element; tokens are u16, other inputs i16 or bits of float32, outputs i32. */
  readonly elem: 'u16' | 'i16' | 'i32' | 'f32';
  readonly scale: number;
  /** Tokens go from 0 to this, exclusive. */
  readonly vocabulary?: number;
  /** The integers are indices into these labels of classes. */
  readonly classes?: readonly (number | string)[];
  /** Floats that may be missing (NaN) or infinite. */
  readonly missing?: true;
}

/** What a loader of a text generating program must know. */
export interface DecoderMeta {
  /** Room of the cache of keys and values. */
  readonly positions: number;
  readonly vocabulary: number;
  /** Real value of a unit of a candidate's score. */
  readonly scoreScale: number;
  /** What the model makes of its scores: the program gives them as they are before. */
  readonly ending?: 'softmax' | 'log_softmax';
  /** The tokenizer's document, when the model came with one. */
  readonly tokenizer: unknown;
}

/** JSON in `.debug_bpformer`: all that a loader of the object needs beyond libbpf. */
export interface ProgramMeta {
  readonly format: 'bpformer';
  readonly version: 1;
  readonly model: {
    readonly file: string;
    readonly name: string;
    readonly opset: number;
    /** `dims`: shape of the first output. */
    readonly nodes: readonly { index: number; name: string; op: string; dims?: readonly number[] }[];
  };
  readonly kernel: KernelVersion;
  readonly strategy: FixedStrategy;
  readonly quant: Quant;
  /** Weights stand in the code too, so that they cannot be replaced. */
  readonly specialised?: true;
  readonly calibration: { readonly source: 'trace' | 'generated'; readonly samples: number; readonly method?: CalibrationMethod };
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
  /** Of a program that generates text: see `lm/layout.ts`. */
  readonly decoder?: DecoderMeta;
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
  /** Called twice: the first time only the sizes of its tables count. */
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
  /**
   * Reads which block of weights is the live one. An event must do so once: everything that it takes from the weights then belongs to one
   * model. The first call in a function emits the read, later ones give the same register, so the first must dominate the others. `infer`
   * and the callbacks of `addTable` call it.
   */
  liveWeights(b: FuncBuilder): Reg;
  /**
   * Adds a table (such as exp for a score) to what is replaced with the weights and gives a callback for its address. Its size must not depend
   * on the weights.
   */
  addTable(bytes: Uint8Array): (b: FuncBuilder) => Reg;
  /** Emits the calls that run the whole model on the inputs that were stored. */
  infer(b: FuncBuilder): void;
}
