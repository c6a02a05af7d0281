import { type KeyboardEvent, type PointerEvent, useEffect, useId, useRef } from 'react';
import type { ErrorGrid } from '../../replay/error-grid.ts';
import { useWidth } from '../components/useWidth.ts';
import { percent } from '../tensors/format.ts';
import { rampSteps } from '../tensors/paint-heat.ts';
import { errorMap as texts } from '../texts/error-map.ts';
import { useTheme } from '../theme/useTheme.ts';
import { type Cell, cellAt, moved, pixelRow, shareOfError } from './error-map-layout.ts';

interface ErrorMapProps {
  readonly grid: ErrorGrid;
  readonly quantity: 'error' | 'own';
  /** Operator and name of each tensor's node. */
  readonly names: readonly string[];
  readonly cursor: Cell | null;
  readonly onSelect: (cell: Cell) => void;
  readonly onOpen: () => void;
}

const ROW = 16;

/** Tensors down, events across: a colour for each error. One stop in the tab order; the cell at the cursor is its option. */
export function ErrorMap({ grid, quantity, names, cursor, onSelect, onOpen }: ErrorMapProps) {
  const { ref, width } = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme((state) => state.effective);
  const contrast = useTheme((state) => state.contrast);
  const id = useId();
  const [rows, columns] = [grid.tensors.length, grid.events.length];
  const values = grid[quantity];

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides the colours that the drawing reads from the page
  useEffect(() => {
    const element = canvas.current;
    if (element && width > 0) paint(element, { values, rows, columns, cursor, width });
  }, [values, rows, columns, cursor, width, theme, contrast]);

  const pick = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const cell = cellAt(event.clientX - box.left, event.clientY - box.top, { width, rowHeight: ROW, rows, columns });
    if (cell) onSelect(cell);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' && cursor) {
      event.preventDefault();
      onOpen();
      return;
    }
    const next = moved(cursor, event.key, rows, columns);
    if (!next) return;
    event.preventDefault();
    onSelect(next);
  };
  return (
    <div className="error-map">
      <ol className="error-map-names small" aria-hidden="true">
        {names.map((name, row) => (
          <li key={grid.tensors[row]} className={row === cursor?.row ? 'ellipsis chosen' : 'ellipsis'} title={name} style={{ height: ROW }}>
            {name}
          </li>
        ))}
      </ol>
      <div
        ref={ref}
        className="error-map-cells"
        role="listbox"
        tabIndex={0}
        aria-label={texts.map(rows, columns)}
        aria-activedescendant={cursor ? id : undefined}
        data-testid="error-map"
        onKeyDown={onKeyDown}
        onPointerDown={pick}
      >
        <canvas ref={canvas} />
        <p className="error-map-axis small muted" aria-hidden="true">
          <span>{texts.atEvent(grid.events[0]!)}</span>
          <span>{texts.atEvent(grid.events.at(-1)!)}</span>
        </p>
        <div
          role="option"
          className="visually-hidden"
          id={id}
          tabIndex={-1}
          aria-selected={cursor !== null}
          aria-posinset={cursor ? cursor.row * columns + cursor.column + 1 : 1}
          aria-setsize={rows * columns}
        >
          {cursor ? cellText(grid, names, cursor) : texts.nothing}
        </div>
      </div>
    </div>
  );
}

/** A cell in words. */
export function cellText(grid: ErrorGrid, names: readonly string[], { row, column }: Cell): string {
  const at = row * grid.events.length + column;
  const said = (value: number) => (Number.isNaN(value) ? texts.unknown : percent(value));
  return texts.cell(names[row]!, grid.events[column]!, said(grid.error[at]!), said(grid.own[at]!));
}

interface Painting {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly cursor: Cell | null;
  readonly width: number;
}

function paint(canvas: HTMLCanvasElement, { values, rows, columns, cursor, width }: Painting): void {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.ceil(width * density);
  canvas.height = Math.ceil(rows * ROW * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${rows * ROW}px`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(density, 0, 0, density, 0, 0);
  const style = getComputedStyle(canvas);
  const steps = rampSteps(style, false);
  const drawn = Math.min(columns, Math.floor(width));
  const cell = width / drawn;
  // Between cells that are wide enough a line of ground tells them apart.
  const gap = cell >= 6 ? 1 : 0;
  for (let row = 0; row < rows; row++) {
    for (const [at, value] of pixelRow(values.subarray(row * columns, (row + 1) * columns), drawn).entries()) {
      if (Number.isNaN(value)) continue;
      context.fillStyle = steps[Math.round(shareOfError(value) * (steps.length - 1))]!.fill;
      context.fillRect(at * cell, row * ROW, Math.max(1, cell - gap), ROW - 1);
    }
  }
  if (!cursor) return;
  const x = (Math.floor((cursor.column * drawn) / columns) * width) / drawn;
  for (const [colour, grow] of [
    [style.getPropertyValue('--panel'), 2],
    [style.getPropertyValue('--accent'), 0],
  ] as const) {
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.strokeRect(x - grow, cursor.row * ROW - grow + 1, Math.max(3, cell) + 2 * grow, ROW - 2 + 2 * grow);
  }
}
