import { Suspense, useRef, useState } from 'react';
import { partId, splitPart } from '../../workbench/selection.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { announce, select, useWorkbench } from '../../workbench/store.ts';
import type { ModelNodeView, WeightStats } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { part } from '../components/part.tsx';
import { useWidth } from '../components/useWidth.ts';
import { weights as texts } from '../texts/model.ts';
import { shapeText } from './graph-model.ts';
import { formatReal, type TensorTable } from './tensors.ts';
import { useRemote } from './useRemote.ts';
import { MOST_HEIGHT, WeightMap } from './WeightMap.tsx';
import { weightMap, weightStats } from './weight-calls.ts';

const WeightTouch = part(() => import('../touch/WeightTouch.tsx'));

/** Weights of one operator: of the chosen initializer the distribution and a map of all entries. */
export function Weights({ node, table }: { node: ModelNodeView; table: TensorTable }) {
  const selection = useWorkbench((state) => state.selection);
  const part = selection?.kind === 'weight' ? splitPart(selection.id) : null;
  const [picked, setPicked] = useState<{ readonly node: number; readonly name: string } | null>(null);
  const many = node.weights.filter(({ dtype, dims }) => dtype !== 'string' && dims.reduce((product, size) => product * size, 1) > 1);
  const own = (name: string | undefined) => many.find((tensor) => tensor.name === name);
  const largest = many.reduce<(typeof many)[number] | null>((best, tensor) => {
    const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
    return best && count(best.dims) >= count(tensor.dims) ? best : tensor;
  }, null);
  const chosen = own(picked?.node === node.index ? picked.name : part?.whole) ?? largest;
  if (!chosen) return null;
  const row = part?.whole === chosen.name ? part.part : -1;
  return (
    <section className="weights" aria-label={texts.title}>
      <div className="weights-head">
        {many.length === 1 ? (
          <span className="mono ellipsis" title={chosen.name}>
            {chosen.name}
          </span>
        ) : (
          <select
            className="field mono"
            aria-label={texts.choose}
            value={chosen.name}
            onChange={(event) => setPicked({ node: node.index, name: event.target.value })}
          >
            {many.map(({ name, dims, dtype }) => (
              <option key={name} value={name}>
                {`${name}  ${shapeText(dims, dtype)}`}
              </option>
            ))}
          </select>
        )}
      </div>
      <Initializer
        key={chosen.name}
        name={chosen.name}
        table={table}
        row={row}
        onSelect={(entry) => {
          select('weight', partId(chosen.name, entry));
          announce(texts.selected(chosen.name, entry));
        }}
      />
    </section>
  );
}

interface InitializerProps {
  readonly name: string;
  readonly table: TensorTable;
  readonly row: number;
  readonly onSelect: (entry: number) => void;
}

/** Widths are asked for in these steps, so that dragging a border does not ask anew for every pixel. */
const WIDTH_STEP = 64;

function Initializer({ name, table, row, onSelect }: InitializerProps) {
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const { ref, width } = useWidth();
  const stats = useRemote(`${modelKey} ${name}`, (options) => weightStats(name, options));
  const columns = Math.max(WIDTH_STEP, Math.floor(width / WIDTH_STEP) * WIDTH_STEP);
  const map = useRemote(width === 0 ? null : `${modelKey} ${name} ${columns}`, (options) => weightMap(name, MOST_HEIGHT, columns, options));
  const info = table.get(name);
  const [cell, setCell] = useState<{ readonly row: number; readonly column: number } | null>(null);
  // While changed weights are read, those before stay: what is under the hand must not go away.
  const last = useRef({ map: map.value, stats: stats.value });
  last.current = { map: map.value ?? last.current.map, stats: stats.value ?? last.current.stats };
  const [own] = last.current.stats ?? [];
  const shown = last.current.map;
  const busy = stats.progress ?? map.progress;
  return (
    <div ref={ref}>
      {stats.error ? <ErrorNote error={stats.error} /> : null}
      {own ? <Histogram stats={own} /> : null}
      {busy ? <Progress progress={busy} label={texts.reading} /> : null}
      {shown && width > 0 ? (
        <WeightMap
          map={shown}
          channels={info?.channels}
          width={width}
          selected={row}
          onSelect={(entry, at) => {
            setCell(at);
            onSelect(entry);
          }}
        />
      ) : null}
      {shown && own ? (
        <Suspense>
          <WeightTouch
            name={name}
            dtype={own.dtype}
            columns={shown.columns}
            vector={own.dims.length < 2}
            cell={cell ?? cellAt(row, own.dims.length < 2)}
            largest={shown.largest}
          />
        </Suspense>
      ) : null}
    </div>
  );
}

/** The first entry of what is selected: a link or another panel chose it. */
const cellAt = (entry: number, vector: boolean) => (entry < 0 ? null : vector ? { row: 0, column: entry } : { row: entry, column: 0 });

const HEIGHT = 32;

function Histogram({ stats }: { stats: WeightStats }) {
  const [log, setLog] = useState(false);
  const heightOf = (count: number) => (log ? Math.log1p(count) : count);
  const top = heightOf(Math.max(1, ...stats.bins));
  const width = (stats.max - stats.min) / stats.bins.length;
  return (
    <figure className="histogram">
      <figcaption className="small muted">
        {texts.stats(formatCount(stats.count), formatReal(stats.min), formatReal(stats.max), formatReal(stats.mean), formatReal(stats.std))}
      </figcaption>
      <svg viewBox={`0 0 ${stats.bins.length} ${HEIGHT}`} preserveAspectRatio="none" className="histogram-bars" aria-hidden="true">
        {stats.bins.map((count, at) => {
          const tall = (heightOf(count) / top) * HEIGHT;
          return (
            <rect key={at} x={at + 0.1} width={0.8} y={HEIGHT - tall} height={tall}>
              <title>{texts.bin(formatCount(count), formatReal(stats.min + at * width), formatReal(stats.min + (at + 1) * width))}</title>
            </rect>
          );
        })}
      </svg>
      <label className="histogram-log small muted">
        <input type="checkbox" checked={log} onChange={() => setLog(!log)} />
        {texts.logScale}
      </label>
    </figure>
  );
}
