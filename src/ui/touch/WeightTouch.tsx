import { RotateCcw } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { eventOf } from '../../workbench/event-values.ts';
import { useFrames } from '../../workbench/frames.ts';
import { announce, useWorkbench } from '../../workbench/store.ts';
import { eventSpec } from '../../workbench/touch.ts';
import { editWeights, fileOf, weightsOf, withEdit } from '../../workbench/weight-edits.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { weightRow } from '../model/weight-calls.ts';
import { real } from '../tensors/format.ts';
import { touch } from '../texts/touch.ts';
import { Outcomes } from './Outcomes.tsx';
import { useTouched } from './useTouched.ts';
import './touch.css';

const texts = touch.weight;
const NO_VALUES: readonly string[] = [];
const XDP = 6;
/** Steps of the slider over its whole width. */
const STEPS = 400;
/** Keys are one change while they come this soon one after another. */
const SETTLE_MS = 600;

interface WeightTouchProps {
  readonly name: string;
  readonly dtype: string;
  /** Entries along the last axes for one of the first. */
  readonly columns: number;
  /** It has one axis. */
  readonly vector: boolean;
  readonly cell: { readonly row: number; readonly column: number } | null;
  /** Largest magnitude in the tensor. */
  readonly largest: number;
}

/** One entry of a weight under the hand: what the event at the cursor comes to follows at once, and letting go changes the project. */
export default function WeightTouch({ name, dtype, columns, vector, cell, largest }: WeightTouchProps) {
  const doc = useWorkbench((state) => state.history.doc);
  const edits = weightsOf(doc);
  const reset = (weights: typeof edits) => void editWeights(texts.resetLabel, weights).then(() => announce(texts.resetLabel));
  return (
    <section className="touch" aria-label={texts.title} data-testid="weight-touch">
      <div className="touch-head">
        <strong>{texts.title}</strong>
        {edits.length > 0 ? (
          <>
            <span className="small warn" data-testid="weights-differ">{`▲ ${texts.differ(edits.length)}`}</span>
            <button type="button" className="button small bordered" onClick={() => reset([])}>
              <RotateCcw size={12} /> {texts.reset}
            </button>
          </>
        ) : null}
      </div>
      {dtype !== 'float32' ? (
        <p className="small muted touch-note">{texts.float}</p>
      ) : cell ? (
        <Cell key={`${name} ${cell.row} ${cell.column}`} name={name} columns={columns} vector={vector} {...cell} largest={largest} />
      ) : (
        <p className="small muted touch-note">{texts.choose}</p>
      )}
    </section>
  );
}

interface CellProps {
  readonly name: string;
  readonly columns: number;
  readonly vector: boolean;
  readonly row: number;
  readonly column: number;
  readonly largest: number;
}

function Cell({ name, columns, vector, row, column, largest }: CellProps) {
  const doc = useWorkbench((state) => state.history.doc);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const program = useWorkbench((state) => state.stages.program.value);
  const event = useWorkbench(eventOf);
  const { version } = useFrames();
  const [present, setPresent] = useState<number | null>(null);
  const [live, setLive] = useState<number | null>(null);
  const timer = useRef(0);
  const wanted = useRef<number | null>(null);
  const index = row * columns + column;
  const edits = weightsOf(doc);
  const own = edits.find((one) => one.tensor === name && one.index === index);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another model has other weights
  useEffect(() => {
    let alive = true;
    weightRow(name, row).then(
      ({ values }) => alive && setPresent(values[column] ?? null),
      () => {},
    );
    return () => {
      alive = false;
    };
  }, [name, row, column, modelKey]);
  // What was typed last must not be lost when another entry is chosen.
  const commit = () => {
    window.clearTimeout(timer.current);
    const value = wanted.current;
    wanted.current = null;
    if (value === null) return;
    void editWeights(texts.label(name), withEdit(weightsOf(useWorkbench.getState().history.doc), { tensor: name, index, value }));
  };
  const last = useRef(commit);
  last.current = commit;
  useEffect(() => () => last.current(), []);
  const committed = own?.value ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: undo and reset put the value back
  useEffect(() => {
    if (wanted.current === null) setLive(null);
  }, [committed, doc.source]);

  const value = live ?? committed ?? present;
  const change = (to: number) => {
    if (!Number.isFinite(to)) return;
    const next = Math.fround(to);
    setLive(next);
    wanted.current = next;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => last.current(), SETTLE_MS);
  };
  const request = useMemo(() => {
    void version;
    const spec = eventSpec(useWorkbench.getState());
    const file = fileOf(doc);
    return spec && file && event >= 0 ? { event: spec, file, values: NO_VALUES } : null;
  }, [doc, event, version]);
  const key = program?.modelKey ? program.key : null;
  const before = useTouched(key, request && { ...request, weights: [] });
  const weights = live === null ? edits : withEdit(edits, { tensor: name, index, value: live });
  const now = useTouched(key, request && { ...request, weights });
  const reach = Math.max(largest, Math.abs(value ?? 0)) * 2 || 1;
  const at = `${name}[${vector ? column : `${row}, ${column}`}]`;
  if (value === null) return null;
  return (
    <>
      <div className="touch-form">
        <input
          type="range"
          className="grow"
          min={-reach}
          max={reach}
          step={(2 * reach) / STEPS}
          value={value}
          aria-label={texts.slider(at)}
          aria-valuetext={real(value)}
          data-testid="weight-slider"
          onChange={({ target }) => change(Number(target.value))}
          onPointerUp={commit}
          onBlur={commit}
        />
        <Typed value={value} label={texts.typed(at)} onChange={change} onDone={commit} />
        {own ? (
          <button
            type="button"
            className="button small bordered"
            onClick={() => {
              wanted.current = null;
              void editWeights(
                texts.resetLabel,
                edits.filter((one) => one !== own),
              );
            }}
          >
            {texts.resetOne}
          </button>
        ) : null}
      </div>
      {before.error || now.error ? <ErrorNote error={(now.error ?? before.error)!} /> : null}
      {request ? (
        <>
          <p className="small muted touch-note">{texts.event(event)}</p>
          <Outcomes before={before.view} now={now.view} stale={now.stale} xdp={program?.progType === XDP} />
        </>
      ) : (
        <p className="small muted touch-note">{texts.needs}</p>
      )}
      <p className="small muted touch-note">{texts.about}</p>
    </>
  );
}

/** A number as it is typed; taken over as soon as it is one, and arrow keys change it by a step. */
function Typed({
  value,
  label,
  onChange,
  onDone,
}: {
  value: number;
  label: string;
  onChange: (value: number) => void;
  onDone: () => void;
}) {
  const [text, setText] = useState<string | null>(null);
  return (
    <input
      className="field num mono"
      inputMode="decimal"
      aria-label={label}
      data-testid="weight-value"
      value={text ?? String(Number(value.toPrecision(6)))}
      aria-invalid={text !== null && !Number.isFinite(Number(text))}
      onChange={({ target }) => {
        setText(target.value);
        if (target.value.trim() !== '') onChange(Number(target.value));
      }}
      onBlur={() => {
        setText(null);
        onDone();
      }}
      onKeyDown={(event) => {
        const step = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
        if (event.key === 'Enter') onDone();
        if (step === 0) return;
        event.preventDefault();
        setText(null);
        onChange(value + step * stepOf(value) * (event.shiftKey ? 10 : 1));
      }}
    />
  );
}

/** One unit of the second digit. */
const stepOf = (value: number): number => 10 ** (Math.floor(Math.log10(Math.max(1e-3, Math.abs(value)))) - 1);
