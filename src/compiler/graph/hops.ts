import type { Node } from '../../onnx/model.ts';
import type { Precision } from '../api.ts';
import type { OwnOp } from './own.ts';
import type { IndexMap } from './view.ts';

/** A dense block of integers in memory, written by one op (or by the hook, for inputs). */
export interface Buf {
  readonly id: number;
  /** The ONNX value that it holds; its calibrated range decides the scale. */
  readonly name: string;
  readonly dims: readonly number[];
  /** `token`: u16 from the hook; `input`: i16 from the hook; `act`: int16 that an op writes. */
  readonly kind: 'token' | 'input' | 'act';
  /** Known bounds of the real values; they replace calibration (embeddings, softmax, functions of tokens). */
  readonly known?: { readonly min: number; readonly max: number };
  /** Largest magnitude of values that have no name in the file, from the calibrated magnitudes of named ones and what views hold at most. */
  readonly bound?: (range: (name: string) => number, top: (view: View) => number) => number;
  /** Results are clamped to `known`: the largest integer stands for its bound exactly. */
  readonly clamped?: boolean;
  /** The integers are those of a quantised tensor of the model, less its zero point: real = scale × integer, from min to max. */
  readonly grid?: { readonly scale: number; readonly min: number; readonly max: number };
  /** All values are whole numbers: the scale is a power of two, so that they are exact. */
  readonly whole?: boolean;
  /** Bytes of an element where it is not 2: 32- or 64-bit integers, which only ops that say so read ({@link OwnPasses.wide}). */
  readonly bytes?: 4 | 8;
  /** The elements are bits of float32. */
  readonly float?: boolean;
  /** Makes the int16 copy that other ops read. */
  readonly narrow?: (buf: Buf, push: (op: HOp) => void) => Buf;
  /** The integers are indices into these: labels of classes. */
  readonly classes?: readonly (number | string)[];
  /**
   * Holds masked elements (additive masks), which must fall `below` the others. Those are sums of elements of `of`, and of constants that
   * come to `extra` at most.
   */
  readonly masked?: { readonly of: readonly View[]; readonly extra: number; readonly below: number };
  /** Of a table of `known` bounds that holds masks: the largest magnitude among its other entries. */
  readonly unmasked?: number;
  /** A difference of which only the sign counts, in much finer units than this view's. */
  readonly sharp?: View;
  /** Index range of a token buffer: 0 … vocabulary − 1. */
  vocabulary?: number;
}

/** A buffer seen through an index map; the real value is `gain` times the buffer's. */
export interface View {
  readonly buf: Buf;
  readonly map: IndexMap;
  readonly gain: number;
}

/** A constant tensor in floating point. */
export interface Const {
  readonly dims: readonly number[];
  readonly data: Float64Array;
  /** Steps that the model's own quantisation made: all entries along `axis` are whole multiples of theirs; one step for all without an axis. */
  readonly steps?: { readonly axis: number | null; readonly values: Float64Array };
}

export interface OpBase {
  readonly out: Buf;
  /** ONNX nodes that this op serves: the node itself and what was folded into it. */
  readonly nodes: readonly Node[];
}

export type HOp =
  /** `out[…, n] = Σk a[…, k]·weights[n, k] + bias[n]`, optionally clamped at zero. */
  | (OpBase & {
      readonly kind: 'linear';
      readonly a: View;
      readonly weights: Const;
      readonly bias: Float64Array | null;
      readonly relu: boolean;
      /** Added to the sum before it is clamped; rows as `a` has them, elements of a row side by side. */
      readonly residual?: View;
      /** Absent: w8a16. */
      readonly precision?: Precision;
    })
  /** `out[…, m, n] = Σk a[…, m, k]·b[…, k, n]`; `unitRows`: every row of `a` is a probability distribution. */
  | (OpBase & { readonly kind: 'matmul'; readonly a: View; readonly b: View; readonly precision?: Precision })
  | (OpBase & { readonly kind: 'softmax'; readonly x: View })
  /** `(x − mean)·gamma / √(var + eps) + beta` over the last dimension; `center` false: root mean square without the mean. */
  | (OpBase & {
      readonly kind: 'norm';
      readonly x: View;
      readonly gamma: Float64Array;
      readonly beta: Float64Array;
      readonly eps: number;
      readonly center: boolean;
      /** Gamma and beta went into the products that read it: they are ones and zeros. */
      readonly bare?: boolean;
    })
  | (OpBase & { readonly kind: 'unary'; readonly x: View; readonly fn: (x: number) => number })
  | (OpBase & { readonly kind: 'add'; readonly a: View; readonly b: View; readonly relu: boolean })
  | (OpBase & { readonly kind: 'mul'; readonly a: View; readonly b: View })
  | (OpBase & { readonly kind: 'div'; readonly a: View; readonly b: View })
  /** `out = x·mul + add`, constants broadcast to the output's shape. */
  | (OpBase & { readonly kind: 'affine'; readonly x: View; readonly mul: Const | null; readonly add: Const | null })
  /** `out[i…, j] = table[token[i…], j]`. */
  | (OpBase & { readonly kind: 'embed'; readonly tokens: View; readonly table: Const })
  /** Over `axes` of `x`; `out` keeps the other dimensions in order. */
  | (OpBase & {
      readonly kind: 'reduce';
      readonly x: View;
      readonly axes: readonly number[];
      readonly mode: 'mean' | 'sum' | 'max' | 'min';
    })
  /** Parts side by side along `axis`. */
  | (OpBase & { readonly kind: 'concat'; readonly parts: readonly (View | Const)[]; readonly axis: number })
  | OwnOp;

/** The graph in ops that have an integer kernel each, in execution order. */
export interface HGraph {
  readonly inputs: readonly Buf[];
  readonly ops: readonly HOp[];
  readonly outputs: readonly { readonly name: string; readonly view: View; readonly nodes: readonly Node[] }[];
  /** ONNX values that stand in a buffer, in file order. */
  readonly values: readonly { readonly name: string; readonly view: View }[];
}

export const isView = (x: View | Const): x is View => 'buf' in x;

/** Whether a buffer holds int16 in a scale of its own choice: no quantised tensor of the model, no mask, no clamp, nothing wide. */
export const isPlain = ({ grid, masked, clamped, bytes, float, sharp, classes, narrow }: Buf): boolean =>
  !grid && !masked && !clamped && !bytes && !float && !sharp && !classes && !narrow;

/** The views that an op reads. */
export function opViews(op: HOp): View[] {
  switch (op.kind) {
    case 'linear':
      return op.residual ? [op.a, op.residual] : [op.a];
    case 'matmul':
    case 'add':
    case 'mul':
    case 'div':
      return [op.a, op.b];
    case 'softmax':
    case 'norm':
    case 'unary':
    case 'affine':
    case 'reduce':
      return [op.x];
    case 'embed':
      return [op.tokens];
    case 'concat':
      return op.parts.filter(isView);
    case 'own':
      return [...op.views];
  }
}
