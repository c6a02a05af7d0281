import type { IrFunc, OriginId } from './ir.ts';

/** Functions whose operations carry their number in place of their origin, which the back end hands through to every instruction. */
export interface NumberedIr {
  readonly funcs: readonly IrFunc[];
  /** Origin of each operation. */
  readonly originOf: readonly OriginId[];
}

/** Operations of a function: the instructions and terminators of its blocks, in layout order. */
export const opCount = (func: IrFunc): number => func.blocks.reduce((sum, block) => sum + block.insts.length + 1, 0);

/** Numbers all operations of `funcs` in order. */
export function numberOps(funcs: readonly IrFunc[]): NumberedIr {
  const originOf: OriginId[] = [];
  const numbered = <T extends { readonly origin: OriginId }>(op: T): T => ({ ...op, origin: originOf.push(op.origin) - 1 });
  return {
    funcs: funcs.map((func) => ({
      ...func,
      blocks: func.blocks.map(({ id, insts, term }) => ({ id, insts: insts.map(numbered), term: numbered(term) })),
    })),
    originOf,
  };
}

/** How an instruction came from its operation. */
export const OWN = 0;
/** Moves arguments to where the function wants them. */
export const PROLOGUE = 1;
/** Loads or stores a value that found no register. */
export const SPILL = 2;

/** The IR of a program and what became of it. */
export interface IrMap {
  /** In the order of the program's functions; those that it left out at the end. */
  readonly funcs: readonly IrFunc[];
  /** Number of the first operation of each function. */
  readonly firstOp: readonly number[];
  /** The operation that each instruction serves, also as {@link PROLOGUE} or {@link SPILL}. */
  readonly opOf: Int32Array;
  readonly how: Uint8Array;
}
