/** A tensor and an event of a grid, by their places in it. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Errors are drawn on a logarithmic ramp, from a hundred thousandth of the range to all of it. */
export const LEAST = 1e-5;

export function shareOfError(relative: number): number {
  return relative <= LEAST ? 0 : Math.min(1, 1 - Math.log10(relative) / Math.log10(LEAST));
}

/** A row of values in `drawn` columns, at most as many as there are values: the largest of those that share a column; NaN where none is known. */
export function pixelRow(values: Float32Array, drawn: number): Float32Array {
  const columns = new Float32Array(drawn).fill(Number.NaN);
  for (const [at, value] of values.entries()) {
    const to = Math.floor((at * drawn) / values.length);
    if (!(value <= columns[to]!) && !Number.isNaN(value)) columns[to] = value;
  }
  return columns;
}

interface Size {
  readonly width: number;
  readonly rowHeight: number;
  readonly rows: number;
  readonly columns: number;
}

/** The cell at a point; null beside the map. */
export function cellAt(x: number, y: number, { width, rowHeight, rows, columns }: Size): Cell | null {
  const row = Math.floor(y / rowHeight);
  const column = Math.floor((x / width) * columns);
  return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : null;
}

/** The cell that a key leads to; null for other keys. Without a cursor every key leads to the first cell. */
export function moved(cursor: Cell | null, key: string, rows: number, columns: number): Cell | null {
  const step = STEPS[key];
  if (!step || rows === 0 || columns === 0) return null;
  if (!cursor) return { row: 0, column: 0 };
  const within = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
  return { row: within(cursor.row + step[0], rows), column: within(cursor.column + step[1], columns) };
}

/** Rows and columns that a key goes on. */
const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [0, -16],
  PageDown: [0, 16],
  Home: [0, Number.NEGATIVE_INFINITY],
  End: [0, Number.POSITIVE_INFINITY],
};
