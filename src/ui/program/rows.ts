import { ROW_FUNC, ROW_GAP, ROW_INDEX_MASK, ROW_KIND_SHIFT, ROW_LINE } from '../../workbench/columns.ts';
import type { ProgramView } from '../../workbench/views.ts';

/** One line of the listing: an instruction, the head of a function, or a source line (an ONNX node, a line of C). */
export type ListingRow =
  | { readonly kind: 'insn'; readonly insn: number }
  | { readonly kind: 'func'; readonly at: number }
  | { readonly kind: 'line'; readonly at: number }
  | { readonly kind: 'gap'; readonly insn: number };

/** Index of the last of ascending `values` that is not above `wanted`; -1 when all are. */
export function lastAtMost(values: ArrayLike<number>, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (values[mid]! <= wanted) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}

/** The rows of a program in view when some functions are folded to their heads. Folding costs a step for each function, not each row. */
export class ListingRows {
  readonly #program: ProgramView;
  /** Visible rows before the head of each function. */
  readonly #before: Uint32Array;
  readonly #folded: ReadonlySet<number>;
  readonly length: number;

  constructor(program: ProgramView, folded: ReadonlySet<number> = new Set()) {
    const { head } = program.rows;
    this.#program = program;
    this.#folded = folded;
    this.#before = new Uint32Array(head.length);
    let visible = head.length > 0 ? head[0]! : program.rows.packed.length;
    for (let func = 0; func < head.length; func++) {
      this.#before[func] = visible;
      visible += folded.has(func) ? 1 : this.funcRows(func);
    }
    this.length = visible;
  }

  /** Rows of function `func` with its head, when it is not folded. */
  funcRows(func: number): number {
    const { head, packed } = this.#program.rows;
    return (head[func + 1] ?? packed.length) - head[func]!;
  }

  isFolded(func: number): boolean {
    return this.#folded.has(func);
  }

  /** The function that row `row` belongs to; -1 before the first. */
  funcAt(row: number): number {
    return lastAtMost(this.#before, row);
  }

  headRow(func: number): number {
    return this.#before[func]!;
  }

  #full(row: number): number {
    const func = this.funcAt(row);
    return func < 0 ? row : this.#program.rows.head[func]! + row - this.#before[func]!;
  }

  at(row: number): ListingRow {
    const packed = this.#program.rows.packed[this.#full(row)] ?? 0;
    const index = packed & ROW_INDEX_MASK;
    const kind = packed >>> ROW_KIND_SHIFT;
    if (kind === ROW_FUNC) return { kind: 'func', at: index };
    if (kind === ROW_LINE) return { kind: 'line', at: index };
    if (kind === ROW_GAP) return { kind: 'gap', insn: index };
    return { kind: 'insn', insn: index };
  }

  /** Row of an instruction, or of the head that it is folded under; -1 outside the program. */
  rowOf(insn: number): number {
    const full = this.#program.rows.rowOfInsn[insn];
    if (full === undefined) return -1;
    const func = lastAtMost(this.#program.rows.head, full);
    if (func < 0) return full;
    return this.#before[func]! + (this.#folded.has(func) ? 0 : full - this.#program.rows.head[func]!);
  }

  /** The instruction at `row`, or the first one after it; -1 when none follows. */
  insnAt(row: number): number {
    for (let at = row; at < this.length; at++) {
      const found = this.at(at);
      if (found.kind === 'insn') return found.insn;
    }
    return -1;
  }
}

/** How many instructions from `insn` on are missing in the log that the program was read from. */
export function gapLength(program: ProgramView, insn: number): number {
  const { rowOfInsn } = program.rows;
  let low = insn + 1;
  let high = rowOfInsn.length;
  // Rows rise with instructions: the first that stands in a later row ends the gap.
  while (low < high) {
    const mid = (low + high) >> 1;
    if (rowOfInsn[mid]! === rowOfInsn[insn]!) low = mid + 1;
    else high = mid;
  }
  return low - insn;
}

/** Number of the function that instruction `insn` belongs to. */
export function funcOf(program: ProgramView, insn: number): number {
  const { subprogs } = program;
  let low = 0;
  let high = subprogs.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (subprogs[mid]!.start <= insn) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}

/** Instructions of function `func`, half-open. */
export function funcRange({ subprogs, code }: ProgramView, func: number): readonly [from: number, to: number] {
  return [subprogs[func]?.start ?? 0, subprogs[func + 1]?.start ?? code.length / 8];
}
