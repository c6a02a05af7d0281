import { useEffect, useMemo, useState } from 'react';
import { DIVERGES } from '../../reference/value-error.ts';
import { type ErrorGrid, knownEvents, madeFrom, sourceOf, type TensorRow, tensorRows } from '../../replay/error-grid.ts';
import { errorMapKey, measureErrors, stopErrorMap, useErrorMap, type Which } from '../../workbench/error-map.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { showPanel } from '../shell/desk-store.ts';
import { percent, shortTensor } from '../tensors/format.ts';
import { errorMap as texts } from '../texts/error-map.ts';
import { cellText, ErrorMap } from './ErrorMap.tsx';
import { type Cell, LEAST } from './error-map-layout.ts';
import './error-map.css';

const MOST = [64, 256, 1024] as const;
type Quantity = keyof typeof texts.quantities;

/** Where between the operators program and reference part, over many events. */
export default function TensorErrors() {
  const key = useWorkbench(errorMapKey);
  const foreign = useWorkbench(({ stages }) => stages.program.value?.modelKey === '');
  const edited = useWorkbench(({ history }) => history.doc.edits.length > 0);
  const { status, progress, error, grid, key: measured, which: measuredWhich } = useErrorMap();
  const [which, setWhich] = useState<Which>(measuredWhich);
  const [most, setMost] = useState<number>(MOST[0]);
  const [quantity, setQuantity] = useState<Quantity>('error');
  useEffect(() => {
    if (key !== null && useErrorMap.getState().status === 'absent') void measureErrors('spaced', MOST[0]);
  }, [key]);
  const busy = status === 'running';
  if (key === null && !grid)
    return (
      <div className="empty" data-testid="error-map-view">
        <strong>{texts.needs.title}</strong>
        <p>{foreign ? texts.needs.foreign : texts.needs.waiting}</p>
      </div>
    );
  return (
    <div className="error-map-view" data-testid="error-map-view" data-status={status}>
      <div className="error-map-tools">
        <Segments label={texts.which} names={texts.whichIs} value={which} onChange={setWhich} />
        <select className="field" aria-label={texts.most} value={most} onChange={(event) => setMost(Number(event.target.value))}>
          {MOST.map((one) => (
            <option key={one} value={one}>
              {texts.count(one)} {texts.most}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="button bordered small"
          disabled={busy || key === null}
          onClick={() => void measureErrors(which, most)}
        >
          {grid ? texts.again : texts.measure}
        </button>
        <Segments label={texts.quantity} names={texts.quantities} about={texts.quantitiesAbout} value={quantity} onChange={setQuantity} />
      </div>
      {error ? <ErrorNote error={error} /> : null}
      {status === 'cancelled' ? <ErrorNote tone="note" error={texts.stopped} /> : null}
      {grid && key !== measured && !busy ? <ErrorNote tone="warning" error={texts.stale} /> : null}
      {edited ? <ErrorNote tone="note" error={texts.edits} /> : null}
      {busy ? (
        <Progress progress={progress && { ...progress, stage: texts.working }} label={texts.working} onCancel={stopErrorMap} />
      ) : null}
      {grid && grid.tensors.length > 0 ? <Measured grid={grid} quantity={quantity} /> : null}
      {grid && grid.tensors.length === 0 && !busy ? (
        <div className="empty">
          <strong>{texts.none.title}</strong>
          <p>{texts.none.text}</p>
        </div>
      ) : null}
    </div>
  );
}

interface SegmentsProps<Name extends string> {
  readonly label: string;
  readonly names: Readonly<Record<Name, string>>;
  readonly about?: Readonly<Record<Name, string>>;
  readonly value: Name;
  readonly onChange: (value: Name) => void;
}

function Segments<Name extends string>({ label, names, about, value, onChange }: SegmentsProps<Name>) {
  return (
    <fieldset className="segments" aria-label={label}>
      {(Object.keys(names) as Name[]).map((one) => (
        <button key={one} type="button" className="segment" aria-pressed={value === one} title={about?.[one]} onClick={() => onChange(one)}>
          {names[one]}
        </button>
      ))}
    </fieldset>
  );
}

function Measured({ grid, quantity }: { grid: ErrorGrid; quantity: Quantity }) {
  const nodes = useWorkbench(({ stages }) => stages.model.value?.nodes);
  const [cursor, setCursor] = useState<Cell | null>(null);
  const names = useMemo(() => {
    const byTensor = new Map(
      nodes?.flatMap(({ op, name, outputs }) => outputs.map((output) => [output, `${op} ${shortTensor(name)}`] as const)),
    );
    return grid.tensors.map((tensor) => byTensor.get(tensor) ?? tensor);
  }, [grid.tensors, nodes]);
  const rows = useMemo(() => tensorRows(grid, DIVERGES), [grid]);
  const source = (row: number) => sourceOf(grid, rows[row]!.worstEvent, madeFrom(grid.tensors[row]!, nodes ?? []));
  const open = (row: number, event: number) => {
    select('packet', event);
    select('tensor', grid.tensors[row]!);
    showPanel('tensors');
  };
  const here = cursor && cursor.row < grid.tensors.length && cursor.column < grid.events.length ? cursor : null;
  return (
    <>
      <Summary rows={rows} names={names} known={knownEvents(grid)} source={source} />
      <div className="error-map-foot small">
        <span className="error-map-ramp" aria-hidden="true" />
        <span className="muted">{texts.legend(percent(LEAST), percent(1))}</span>
        <span className="error-map-here" data-testid="error-map-here">
          {here ? cellText(grid, names, here) : texts.nothing}
        </span>
        {here ? (
          <button type="button" className="button small" onClick={() => open(here.row, grid.events[here.column]!)}>
            {texts.show}
          </button>
        ) : null}
      </div>
      <ErrorMap
        grid={grid}
        quantity={quantity}
        names={names}
        cursor={here}
        onSelect={(cell) => {
          setCursor(cell);
          select('packet', grid.events[cell.column]!);
        }}
        onOpen={() => here && open(here.row, grid.events[here.column]!)}
      />
      <div className="error-map-scroll">
        <ByTensor rows={rows} names={names} onOpen={open} />
      </div>
    </>
  );
}

interface SummaryProps {
  readonly rows: readonly TensorRow[];
  readonly names: readonly string[];
  readonly known: number;
  /** The row whose step brought most of another one's worst error in; -1 where that is not known. */
  readonly source: (row: number) => number;
}

/** Which operator parts first, which adds the most and which is worst. */
function Summary({ rows, names, known, source }: SummaryProps) {
  const most = (of: (row: TensorRow) => number): number =>
    rows.reduce((best, row, at) => (of(row) > (best < 0 ? 0 : of(rows[best]!)) ? at : best), -1);
  const first = most((row) => row.first);
  const adds = most((row) => row.adds);
  const worst = most((row) => (Number.isNaN(row.worst) ? 0 : row.worst));
  const from = worst < 0 ? -1 : source(worst);
  return (
    <p className="error-map-summary" data-testid="error-map-first" data-tensor={first < 0 ? '' : rows[first]!.tensor}>
      {first < 0
        ? texts.allNear(rows.length, known, percent(DIVERGES))
        : `${texts.first(names[first]!, rows[first]!.first, known)}${adds < 0 ? '' : texts.adds(names[adds]!, rows[adds]!.adds)}`}
      {worst < 0 ? '' : texts.worst(names[worst]!, percent(rows[worst]!.worst), rows[worst]!.worstEvent, names[from] ?? null)}
    </p>
  );
}

interface ByTensorProps {
  readonly rows: readonly TensorRow[];
  readonly names: readonly string[];
  readonly onOpen: (row: number, event: number) => void;
}

function ByTensor({ rows, names, onOpen }: ByTensorProps) {
  const heads = Object.entries(texts.heads) as [keyof typeof texts.heads, string][];
  return (
    <table data-testid="error-map-table">
      <caption>{texts.table}</caption>
      <thead>
        <tr>
          {heads.map(([id, head]) => (
            <th
              key={id}
              scope="col"
              className={id === 'tensor' ? '' : 'num'}
              title={id in texts.about ? texts.about[id as keyof typeof texts.about] : undefined}
            >
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={row.tensor}>
            <th scope="row" className="ellipsis error-map-name" title={names[at]}>
              {names[at]}
            </th>
            <td className={row.worst > DIVERGES ? 'num bad' : 'num'}>{Number.isNaN(row.worst) ? '–' : percent(row.worst)}</td>
            <td className="num">
              {row.worstEvent < 0 ? (
                '–'
              ) : (
                <button type="button" className="link" onClick={() => onOpen(at, row.worstEvent)}>
                  {texts.event(row.worstEvent)}
                </button>
              )}
            </td>
            <td className="num">{texts.count(row.over)}</td>
            <td className="num">{texts.count(row.first)}</td>
            <td className="num">{texts.count(row.adds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
