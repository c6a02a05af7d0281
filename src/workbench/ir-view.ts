import type { TextColumn } from './views.ts';

export const IR_FUNC = 0;
export const IR_BLOCK = 1;
export const IR_OP = 2;

/** The low-level IR of a compiled program, row by row; which instructions an operation became says `ProgramView.irOf`. */
export interface IrView {
  /** {@link IR_FUNC}, {@link IR_BLOCK} or {@link IR_OP} for each row. */
  readonly kind: Uint8Array;
  /** Place of the function in `funcs`, id of the block or number of the operation. */
  readonly number: Uint32Array;
  readonly text: TextColumn;
  readonly rowOfOp: Uint32Array;
  /** `placed`: false for a function that the program left out because nothing calls it. */
  readonly funcs: readonly { readonly name: string; readonly row: number; readonly ops: number; readonly placed: boolean }[];
}
