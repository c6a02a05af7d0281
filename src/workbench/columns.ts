import { OP_LDDW } from '../bpf/insn.ts';
import type { LineInfo } from '../bpf/program.ts';
import type { LineColumns, RowColumns, TextColumn } from './views.ts';

const decoder = new TextDecoder();

export function textColumn(texts: readonly string[]): TextColumn {
  const encoder = new TextEncoder();
  const start = new Uint32Array(texts.length + 1);
  let bytes = new Uint8Array(texts.length * 32 + 16);
  let used = 0;
  texts.forEach((text, at) => {
    if (used + text.length * 3 > bytes.length) {
      const larger = new Uint8Array(2 * bytes.length + text.length * 3);
      larger.set(bytes.subarray(0, used));
      bytes = larger;
    }
    used += encoder.encodeInto(text, bytes.subarray(used)).written;
    start[at + 1] = used;
  });
  return { bytes: bytes.slice(0, used), start };
}

export function textAt({ bytes, start }: TextColumn, at: number): string {
  return decoder.decode(bytes.subarray(start[at], start[at + 1]));
}

export function lineColumns(lines: readonly Omit<LineInfo, 'column'>[]): LineColumns {
  const files: string[] = [];
  const known = new Map<string, number>();
  const fileOf = ({ file }: { readonly file: string }): number => {
    let at = known.get(file);
    if (at === undefined) {
      at = files.push(file) - 1;
      known.set(file, at);
    }
    return at;
  };
  return {
    insn: Uint32Array.from(lines, (line) => line.insnIdx),
    line: Uint32Array.from(lines, (line) => line.line),
    file: Uint16Array.from(lines, fileOf),
    files,
    text: textColumn(lines.map((line) => line.text)),
  };
}

export const ROW_INSN = 0;
export const ROW_FUNC = 1;
export const ROW_LINE = 2;
/** Instructions that a log does not show; its index is the first of them. */
export const ROW_GAP = 3;
export const ROW_KIND_SHIFT = 30;
export const ROW_INDEX_MASK = 0x3fffffff;

/**
 * Lays out the listing: a head before each function, a source line before its instruction, a wide load as one row. With `shown` only
 * those instructions have rows; a run of others is one row that stands for all of them.
 */
export function rowColumns(
  code: Uint8Array,
  starts: ArrayLike<number>,
  lineInsns: ArrayLike<number>,
  shown: Uint32Array | null = null,
): RowColumns {
  const count = code.length >> 3;
  const packed = new Uint32Array(count + starts.length + lineInsns.length);
  const rowOfInsn = new Uint32Array(count);
  const head = new Uint32Array(starts.length);
  let rows = 0;
  let func = 0;
  let line = 0;
  let next = 0;
  let gap = -1;
  for (let insn = 0; insn < count; insn++) {
    while (func < starts.length && starts[func]! <= insn) {
      head[func] = rows;
      packed[rows++] = ((ROW_FUNC << ROW_KIND_SHIFT) | func++) >>> 0;
    }
    while (line < lineInsns.length && lineInsns[line]! <= insn) {
      // Of several lines for one instruction the last counts.
      const last = line + 1 >= lineInsns.length || lineInsns[line + 1]! > insn;
      if (last) packed[rows++] = ((ROW_LINE << ROW_KIND_SHIFT) | line) >>> 0;
      line++;
    }
    if (shown && shown[next] !== insn) {
      // A function or a source line in its midst divides a gap.
      if (gap < 0 || gap !== rows - 1) {
        gap = rows;
        packed[rows++] = ((ROW_GAP << ROW_KIND_SHIFT) | insn) >>> 0;
      }
      rowOfInsn[insn] = gap;
      continue;
    }
    next++;
    rowOfInsn[insn] = rows;
    packed[rows++] = (ROW_INSN << ROW_KIND_SHIFT) | insn;
    if (code[insn * 8] === OP_LDDW && insn + 1 < count) {
      insn++;
      rowOfInsn[insn] = rows - 1;
    }
  }
  return { packed: packed.slice(0, rows), rowOfInsn, head };
}
