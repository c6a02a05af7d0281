import type { Node } from '../../onnx/model.ts';
import type { Places } from '../lower/places.ts';
import type { Group } from '../plan/groups.ts';
import type { Quantised, Scales } from '../plan/scales.ts';
import type { Step } from '../plan/steps.ts';
import type { KernelCall } from '../stages.ts';
import type { Buf, OpBase, View } from './hops.ts';

/** A value inside a step's kernel: two rows of it stand in the packing area for a while, as columns of 32-bit integers side by side. */
export interface InnerRows {
  readonly buf: Buf;
  readonly nodes: readonly Node[];
  /** Elements from one row of the value to the next, for each of the step's loops. */
  readonly strides: readonly number[];
  readonly elems: number;
  readonly byteOff: number;
  /** What integers are raised by where they stand. */
  readonly zero: number;
  /** They are whole once the kernel comes to what serves this node. */
  readonly before: Node;
  /** Largest magnitude of an integer. */
  readonly max: number;
  /** Real value of an integer; null: its share of its row's sum. */
  readonly scale: number | null;
}

/** An op that only one family emits (`families.ts`): it brings with it what the later passes ask, so that they need not know it. */
export interface OwnOp extends OpBase {
  readonly kind: 'own';
  /** What it reads. Passes may replace views by others of the same shape. */
  readonly views: readonly View[];
  readonly passes: OwnPasses;
}

export interface OwnPasses {
  /** What the op is called where it stands for several operators. */
  readonly label?: string;
  /** Loops over rows; several steps write parts of `op.out` and run in this order. */
  steps(op: OwnOp): readonly Step[];
  /** The calls of integer kernels that a step is. */
  calls(op: OwnOp, at: Places, step: Step, group: Group): readonly KernelCall[];
  /** In double precision, on the elements of `views` in row-major order: what the integers approximate. */
  evaluate(op: OwnOp, inputs: readonly Float64Array[]): Float64Array;
  /** Scale and width of the result where they follow from what it reads; without this the calibrated range decides. */
  scale?(op: OwnOp, scales: Scales): Quantised;
  /** Bits that an operand may have at most, without its sign, so that sums stay in their lanes. */
  widths?(op: OwnOp): readonly { readonly buf: Buf; readonly bits: number }[];
  /** Bytes that a step's kernels use of the packing area. */
  packBytes?(op: OwnOp, step: Step): number;
  /** Values that only its kernel has in memory, and that none of its operands nor its result is. */
  inner?(op: OwnOp, scales: Scales): readonly InnerRows[];
  /** It reads floats and integers of more than 16 bits as they are; others are given int16 copies. */
  readonly wide?: boolean;
  /** It knows what to do with floats that are no numbers: they go on to its result, or other values replace them. */
  readonly takesMissing?: boolean | 'replaced';
  /** Its one step goes from rows to rows and may share a loop over them with its neighbours. */
  readonly joins?: boolean;
  /** The same with what it knows of its weights in the code (`--specialise`), where that is faster. */
  specialised?(op: OwnOp): OwnOp;
  /** Its kernels do as many rows as the step says. */
  readonly anyRows?: boolean;
}
