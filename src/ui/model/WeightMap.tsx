import { type KeyboardEvent, type PointerEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { WeightMapView } from '../../workbench/model-views.ts';
import type { IntegersView } from '../../workbench/views.ts';
import { weights as texts } from '../texts/model.ts';
import { divergingSteps } from './heat.ts';
import { readPalette } from './paint.ts';
import { formatReal, scaleText } from './tensors.ts';
import { useThemeCount } from './useThemeCount.ts';
import { weightRow } from './weight-calls.ts';

interface WeightMapProps {
  readonly map: WeightMapView;
  /** In which its entries are integers, once compiled. */
  readonly channels: IntegersView['weights'][number] | undefined;
  readonly width: number;
  /** Entry along the first axis that is selected; -1 for none. */
  readonly selected: number;
  readonly onSelect: (entry: number, cell: Cursor) => void;
}

interface Cursor {
  readonly row: number;
  readonly column: number;
}

const STEPS = 255;
/** Cells are no larger than this, so that a small matrix stays a small picture. */
const MOST_CELL_PX = 12;
export const MOST_HEIGHT = 192;
/** Rows that are kept while the cursor moves among them. */
const MOST_ROWS = 64;
const PAGE = 16;

/** An initializer as a picture in which every entry can be read: blue below zero, red above, with the cursor's value in figures. */
export function WeightMap({ map, channels, width, selected, onSelect }: WeightMapProps) {
  const { name, dims, rows, columns, cellRows, cellColumns, cells, largest } = map;
  const wide = Math.ceil(columns / cellColumns);
  const tall = Math.ceil(rows / cellRows);
  const size = {
    width: Math.min(width, wide * MOST_CELL_PX),
    height: Math.min(MOST_HEIGHT, tall * MOST_CELL_PX),
  };
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useThemeCount();
  const id = useId();
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const vector = dims.length < 2;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours
  const ramp = useMemo(() => divergingSteps(readPalette(document.documentElement).colour, STEPS), [theme]);
  useEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (!ctx) return;
    const image = ctx.createImageData(wide, tall);
    cells.forEach((value, at) => {
      const step = Number.isNaN(value) ? STEPS - 1 : Math.round(((value / (largest || 1) + 1) / 2) * (STEPS - 1));
      image.data.set(ramp.subarray(3 * step, 3 * step + 3), 4 * at);
      image.data[4 * at + 3] = 255;
    });
    ctx.putImageData(image, 0, 0);
  }, [cells, largest, wide, tall, ramp]);

  const value = useEntry(name, cursor);
  const entryOf = ({ row, column }: Cursor) => (vector ? column : row);
  const said = cursor ? entryText(cursor, value, map, channels) : texts.howToRead;
  const tone = cursor ? 'mono' : 'muted';
  const start: Cursor = cursor ?? (vector ? { row: 0, column: Math.max(0, selected) } : { row: Math.max(0, selected), column: 0 });

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const along = (at: number, length: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor((at / length) * count)));
    const next = { row: along(event.clientY - box.top, box.height, rows), column: along(event.clientX - box.left, box.width, columns) };
    if (next.row !== cursor?.row || next.column !== cursor.column) setCursor(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    let { row, column } = start;
    if (event.key === 'ArrowLeft') column--;
    else if (event.key === 'ArrowRight') column++;
    else if (event.key === 'ArrowUp') row--;
    else if (event.key === 'ArrowDown') row++;
    else if (event.key === 'PageUp') row -= PAGE;
    else if (event.key === 'PageDown') row += PAGE;
    else if (event.key === 'Home') column = 0;
    else if (event.key === 'End') column = columns - 1;
    else if (event.key === 'Enter' || event.key === ' ') onSelect(entryOf(start), start);
    else return;
    setCursor({ row: Math.max(0, Math.min(rows - 1, row)), column: Math.max(0, Math.min(columns - 1, column)) });
    event.preventDefault();
    event.stopPropagation();
  };

  const place = (row: number, column: number, tallRows: number, wideColumns: number) => ({
    left: `${(column / columns) * 100}%`,
    top: `${(row / rows) * 100}%`,
    width: `${(wideColumns / columns) * 100}%`,
    height: `${(tallRows / rows) * 100}%`,
  });
  return (
    <div className="weight-map">
      {/* biome-ignore lint/a11y/useSemanticElements: a picture of a table, of which only the cell at the cursor exists */}
      <div
        className="weight-map-box"
        role="grid"
        tabIndex={0}
        aria-label={texts.map(name, rows, columns)}
        aria-rowcount={rows}
        aria-colcount={columns}
        aria-activedescendant={`${id}-cell`}
        style={size}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setCursor(null)}
        onFocus={(event) => {
          if (event.currentTarget.matches(':focus-visible')) setCursor(start);
        }}
        onKeyDown={onKeyDown}
        onClick={() => {
          if (cursor) onSelect(entryOf(cursor), cursor);
        }}
      >
        <canvas ref={canvas} width={wide} height={tall} aria-hidden="true" tabIndex={-1} />
        {selected >= 0 ? (
          <span className="weight-map-row" style={vector ? place(0, selected, 1, 1) : place(selected, 0, 1, columns)} aria-hidden="true" />
        ) : null}
        {cursor ? <span className="weight-map-cursor" style={place(cursor.row, cursor.column, 1, 1)} aria-hidden="true" /> : null}
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div className="visually-hidden" role="row" tabIndex={-1} aria-rowindex={start.row + 1}>
          {/* biome-ignore lint/a11y/useSemanticElements: see above */}
          <span
            id={`${id}-cell`}
            role="gridcell"
            tabIndex={-1}
            aria-colindex={start.column + 1}
            aria-selected={entryOf(start) === selected}
          >
            {said}
          </span>
        </div>
      </div>
      <div className="weight-map-scale small muted" aria-hidden="true">
        <span>{formatReal(-largest)}</span>
        <span className="weight-map-ramp" />
        <span>{formatReal(largest)}</span>
      </div>
      <output className={`weight-map-value small ${tone}`}>{said}</output>
      {cellRows * cellColumns > 1 ? <p className="small muted">{texts.shared(cellRows, cellColumns)}</p> : null}
      {map.notFinite > 0 ? <p className="small warn">{texts.notFinite(map.notFinite)}</p> : null}
    </div>
  );
}

/** Where the cursor stands, and what stands there: as a real number and as the program holds it. */
function entryText(
  { row, column }: Cursor,
  value: number | null,
  { dims, columns }: WeightMapView,
  channels: WeightMapProps['channels'],
): string {
  const at = dims.length < 2 ? `[${column}]` : dims.length === 2 ? `[${row}, ${column}]` : `[${[row, ...inner(column, dims)].join(', ')}]`;
  if (value === null) return `${at} …`;
  if (!channels) return `${at} ${formatReal(value)}`;
  const stride = dims.slice(channels.axis + 1).reduce((product, size) => product * size, 1);
  const scale = channels.scales[Math.floor((row * columns + column) / stride) % dims[channels.axis]!]!;
  return `${at} ${formatReal(value)} · ${Math.max(-channels.max, Math.min(channels.max, Math.round(value / scale)))} × ${scaleText(scale)}`;
}

/** Indices along all axes but the first. */
function inner(column: number, dims: readonly number[]): number[] {
  const indices: number[] = [];
  let left = column;
  for (const size of dims.slice(1).reverse()) {
    indices.unshift(left % size);
    left = Math.floor(left / size);
  }
  return indices;
}

/** The entry under the cursor, from its row, which the worker gives; null until it comes. */
function useEntry(name: string, cursor: Cursor | null): number | null {
  const rows = useRef<{ readonly name: string; readonly known: Map<number, Float64Array | null> }>({ name, known: new Map() });
  const [, setCount] = useState(0);
  if (rows.current.name !== name) rows.current = { name, known: new Map() };
  const row = cursor?.row ?? -1;
  useEffect(() => {
    const { known } = rows.current;
    if (row < 0 || known.has(row)) return;
    if (known.size >= MOST_ROWS) known.clear();
    known.set(row, null);
    weightRow(name, row).then(
      ({ values }) => {
        known.set(row, values);
        setCount((count) => count + 1);
      },
      () => known.delete(row),
    );
  }, [name, row]);
  return cursor ? (rows.current.known.get(row)?.[cursor.column] ?? null) : null;
}
