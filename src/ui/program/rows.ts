import type { ProgramView } from '../../workbench/views.ts';

/** One line of the listing: an instruction, the head of a function, or a source line (an ONNX node, a line of C). */
export type ListingRow =
  | { readonly kind: 'insn'; readonly insn: number }
  | { readonly kind: 'func'; readonly at: number }
  | { readonly kind: 'line'; readonly at: number };

const KIND_INSN = 0;
const KIND_FUNC = 1;
const KIND_LINE = 2;
const LDDW = 0x18;

/** Rows of a program as one typed column, so that a million instructions cost four megabytes and no objects. */
export class ListingRows {
  readonly #packed: Uint32Array;
  /** Row of each instruction; the second slot of an `lddw` shares the row of its first. */
  readonly #rowOfInsn: Uint32Array;
  readonly length: number;

  constructor(program: ProgramView) {
    const count = program.code.length / 8;
    const packed = new Uint32Array(count + program.subprogs.length + program.lines.length);
    const rowOfInsn = new Uint32Array(count);
    let rows = 0;
    let func = 0;
    let line = 0;
    for (let insn = 0; insn < count; insn++) {
      while (func < program.subprogs.length && program.subprogs[func]!.start <= insn) packed[rows++] = (KIND_FUNC << 30) | func++;
      while (line < program.lines.length && program.lines[line]!.insnIdx <= insn) {
        const last = line + 1 >= program.lines.length || program.lines[line + 1]!.insnIdx > insn;
        if (last) packed[rows++] = ((KIND_LINE << 30) | line) >>> 0;
        line++;
      }
      rowOfInsn[insn] = rows;
      packed[rows++] = (KIND_INSN << 30) | insn;
      if (program.code[insn * 8] === LDDW && insn + 1 < count) {
        insn++;
        rowOfInsn[insn] = rows - 1;
      }
    }
    this.#packed = packed.subarray(0, rows);
    this.#rowOfInsn = rowOfInsn;
    this.length = rows;
  }

  at(row: number): ListingRow {
    const packed = this.#packed[row] ?? 0;
    const index = packed & 0x3fffffff;
    const kind = packed >>> 30;
    if (kind === KIND_FUNC) return { kind: 'func', at: index };
    if (kind === KIND_LINE) return { kind: 'line', at: index };
    return { kind: 'insn', insn: index };
  }

  rowOf(insn: number): number {
    return this.#rowOfInsn[insn] ?? -1;
  }

  /** The instruction at `row`, or the first one after it. */
  insnAt(row: number): number {
    for (let at = row; at < this.length; at++) {
      const found = this.at(at);
      if (found.kind === 'insn') return found.insn;
    }
    return -1;
  }
}

/** A 16-byte immediate load, whose second slot is no instruction of its own. */
export function isWide(program: ProgramView, insn: number): boolean {
  return program.code[insn * 8] === LDDW;
}
