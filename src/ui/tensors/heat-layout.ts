/** A tensor as planes of rows and columns: its last two dimensions, once for each place of the leading ones that are shown. */
export interface Planes {
  readonly rows: number;
  readonly columns: number;
  /** Flat index of each plane's first element, and the coordinates that name it. */
  readonly planes: readonly { readonly start: number; readonly index: readonly number[] }[];
  /** Leading axes of which one place is shown, and which. */
  readonly fixed: readonly { readonly axis: number; readonly count: number; readonly at: number }[];
}

/** This many planes are shown side by side; of more, the outer axes are stepped through. */
export const MOST_PLANES = 16;

/** `at` says which place of a stepped axis is shown. */
export function planesOf(dims: readonly number[], at: ReadonlyMap<number, number> = new Map()): Planes {
  const rank = dims.length;
  const rows = rank > 1 ? dims[rank - 2]! : 1;
  const columns = rank > 0 ? dims[rank - 1]! : 1;
  const leading = dims.slice(0, Math.max(0, rank - 2));
  let side = 1;
  let firstShown = leading.length;
  while (firstShown > 0 && side * leading[firstShown - 1]! <= MOST_PLANES) side *= leading[--firstShown]!;
  const fixed = leading
    .slice(0, firstShown)
    .flatMap((count, axis) => (count > 1 ? [{ axis, count, at: Math.min(count - 1, at.get(axis) ?? 0) }] : []));
  let planes: { start: number; index: readonly number[] }[] = [{ start: 0, index: [] }];
  leading.forEach((count, axis) => {
    const places = axis < firstShown ? [Math.min(count - 1, at.get(axis) ?? 0)] : Array.from({ length: count }, (_, i) => i);
    planes = planes.flatMap(({ start, index }) => places.map((place) => ({ start: start * count + place, index: [...index, place] })));
  });
  const size = rows * columns;
  return { rows, columns, planes: planes.map(({ start, index }) => ({ start: start * size, index })), fixed };
}

/** Where planes stand on a surface of a given width, in CSS pixels. */
export interface Grid {
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly across: number;
  readonly planeWidth: number;
  readonly planeHeight: number;
  readonly label: number;
  readonly width: number;
  readonly height: number;
}

export const GAP = 8;
const LABEL = 16;
/** Cells that fit are at least this large; a tensor with more elements is scrolled. */
const LEAST_CELL = 2;
const FIT_CELL = 24;
/** Sizes of a cell that zooming goes through; from the second last on, values are written into cells. */
export const ZOOMS = [2, 4, 8, 16, 28, 64] as const;
export const VALUES_FROM = 64;
const VALUE_HEIGHT = 20;

/** Lays planes out; `zoom` null: as large as fits the width, in at most as many planes across as keep cells readable. */
export function gridOf({ rows, columns, planes }: Planes, width: number, height: number, zoom: number | null): Grid {
  const count = planes.length;
  const label = count > 1 ? LABEL : 0;
  let best = { cell: 0, across: 1 };
  for (let across = 1; across <= count; across++) {
    const down = Math.ceil(count / across);
    const byWidth = (width - (across - 1) * GAP) / across / columns;
    const byHeight = (height - (down - 1) * GAP - down * label) / down / rows;
    // A tensor of few elements is shown with its values at once.
    const values = byWidth >= VALUES_FROM && byHeight >= VALUE_HEIGHT;
    const cell = zoom ?? (values ? VALUES_FROM : Math.max(LEAST_CELL, Math.min(FIT_CELL, Math.floor(Math.min(byWidth, byHeight)))));
    const fits = across * columns * cell + (across - 1) * GAP <= width;
    if (across === 1 || (fits && cell >= best.cell)) best = { cell, across };
  }
  const cellWidth = best.cell;
  // Values are wider than high; a single row is drawn high enough to hit.
  const cellHeight = cellWidth >= VALUES_FROM ? VALUE_HEIGHT : rows === 1 ? Math.max(cellWidth, 16) : cellWidth;
  const planeWidth = columns * cellWidth;
  const planeHeight = rows * cellHeight + label;
  const down = Math.ceil(count / best.across);
  return {
    cellWidth,
    cellHeight,
    across: best.across,
    planeWidth,
    planeHeight,
    label,
    width: best.across * planeWidth + (best.across - 1) * GAP,
    height: down * planeHeight + (down - 1) * GAP,
  };
}

/** Upper left corner of a plane's cells. */
export function planeAt(grid: Grid, plane: number): { readonly x: number; readonly y: number } {
  const column = plane % grid.across;
  const row = Math.floor(plane / grid.across);
  return { x: column * (grid.planeWidth + GAP), y: row * (grid.planeHeight + GAP) + grid.label };
}

/** Flat index of the element at a point; -1 between planes. */
export function elementAt(planes: Planes, grid: Grid, x: number, y: number): number {
  const across = Math.floor(x / (grid.planeWidth + GAP));
  const down = Math.floor(y / (grid.planeHeight + GAP));
  const plane = down * grid.across + across;
  if (across >= grid.across || plane >= planes.planes.length || x < 0 || y < 0) return -1;
  const at = planeAt(grid, plane);
  const column = Math.floor((x - at.x) / grid.cellWidth);
  const row = Math.floor((y - at.y) / grid.cellHeight);
  if (column < 0 || column >= planes.columns || row < 0 || row >= planes.rows) return -1;
  return planes.planes[plane]!.start + row * planes.columns + column;
}

/** Where an element stands; null when its plane is not shown. */
export function placeOf(planes: Planes, grid: Grid, element: number): { readonly x: number; readonly y: number } | null {
  const size = planes.rows * planes.columns;
  const plane = planes.planes.findIndex(({ start }) => element >= start && element < start + size);
  if (plane < 0) return null;
  const within = element - planes.planes[plane]!.start;
  const { x, y } = planeAt(grid, plane);
  return { x: x + (within % planes.columns) * grid.cellWidth, y: y + Math.floor(within / planes.columns) * grid.cellHeight };
}

/** The element that an arrow key leads to: across rows within a plane, and from plane to plane beyond its edges. */
export function neighbour(planes: Planes, grid: Grid, element: number, key: string): number | null {
  const size = planes.rows * planes.columns;
  const plane = planes.planes.findIndex(({ start }) => element >= start && element < start + size);
  const first = planes.planes[0];
  if (plane < 0 || !first) return first ? first.start : null;
  const within = element - planes.planes[plane]!.start;
  let row = Math.floor(within / planes.columns);
  let column = within % planes.columns;
  let to = plane;
  if (key === 'ArrowLeft') column--;
  else if (key === 'ArrowRight') column++;
  else if (key === 'ArrowUp') row--;
  else if (key === 'ArrowDown') row++;
  else if (key === 'Home') column = 0;
  else if (key === 'End') column = planes.columns - 1;
  else return null;
  const across = plane % grid.across;
  if (column < 0) {
    if (across === 0) return null;
    to--;
    column = planes.columns - 1;
  } else if (column >= planes.columns) {
    if (across === grid.across - 1) return null;
    to++;
    column = 0;
  } else if (row < 0) {
    to -= grid.across;
    row = planes.rows - 1;
  } else if (row >= planes.rows) {
    to += grid.across;
    row = 0;
  }
  const target = planes.planes[to];
  return target ? target.start + row * planes.columns + column : null;
}
