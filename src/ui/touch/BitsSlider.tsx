import { useEffect, useState } from 'react';
import type { Precision } from '../../compiler/api.ts';
import { PRECISIONS, parseQuant } from '../../compiler/precision.ts';
import type { TryFigures } from '../../workbench/pass-views.ts';
import { presentOptions, takeOptions, tryOptions } from '../../workbench/passes.ts';
import { useProject } from '../../workbench/projects/state.ts';
import type { CallOptions } from '../../workbench/rpc.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { noteTouch, useTouch } from '../../workbench/touch-state.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { touch } from '../texts/touch.ts';
import './touch.css';

const texts = touch.bits;

/** Stops of the slider, coarsest first: more to the right is more bits. */
const STOPS = [...PRECISIONS].reverse();

/** What each stop costs, by what it was measured on. The worker keeps its own; this spares asking. */
const known = new Map<string, Map<Precision, TryFigures>>();
const MOST_KNOWN = 4;

function figuresOf(key: string): Map<Precision, TryFigures> {
  const own = known.get(key) ?? new Map<Precision, TryFigures>();
  known.delete(key);
  known.set(key, own);
  if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!);
  return own;
}

/** Bits of all products under one hand: what each stop errs, runs and takes is measured when the slider comes there, or for all. */
export function BitsSlider({ programKey }: { programKey: string }) {
  const { options, trace } = useWorkbench((state) => state.history.doc);
  const reference = useWorkbench(({ stages }) =>
    stages.reference.status === 'done' && !stages.reference.stale ? stages.reference.key : '',
  );
  const project = useProject((state) => state.id);
  const noted = useTouch((state) => (state.of === project ? state.quant : null));
  const { base, nodes } = parseQuant(options.quant);
  const { quant: _, dims, ...rest } = options;
  const measuredOn = JSON.stringify([
    programKey.length > 0,
    rest,
    dims,
    trace?.hash,
    reference,
    useWorkbench((state) => state.stages.model.key),
  ]);
  const figures = figuresOf(measuredOn);
  const [, setCount] = useState(0);
  const task = useTask();
  const chosen = Math.max(
    0,
    STOPS.findIndex(({ name }) => name === (noted ?? base)),
  );
  const stop = STOPS[chosen]!;

  const measure = async (quant: Precision, call: CallOptions): Promise<void> => {
    if (complete(figures.get(quant), trace !== null)) return;
    const change = { ...presentOptions(options), quant };
    const view = await tryOptions(
      programKey,
      change,
      ({ tried }) => {
        if (call.signal?.aborted || !tried) return;
        figures.set(quant, tried);
        setCount((count) => count + 1);
      },
      call,
    );
    if (view.tried) figures.set(quant, view.tried);
  };
  const { run } = task;
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when the stop or what it is measured on changes
  useEffect(() => {
    if (complete(figures.get(stop.name), trace !== null)) return;
    void run(
      (call) => measure(stop.name, call),
      () => setCount((count) => count + 1),
    );
  }, [stop.name, measuredOn]);
  const all = () =>
    void run(
      async (call) => {
        for (const [at, { name }] of STOPS.entries()) {
          if (call.signal?.aborted) return;
          await measure(name, { ...call, onProgress: () => call.onProgress?.(texts.measuringAt(name), at, STOPS.length) });
        }
      },
      () => setCount((count) => count + 1),
    );
  const present = figures.get(stop.name);
  const inUse = stop.name === base && nodes.size === 0;
  const usable = !inUse && present !== undefined && present.refused === null && present.accepted !== false;
  const columns: readonly (readonly [title: string, of: (figure: TryFigures) => number | null, format: (value: number) => string])[] = [
    [texts.columns.error, ({ maxError }) => maxError, texts.real],
    [texts.columns.agreement, ({ agreement }) => agreement, texts.share],
    [texts.columns.executed, ({ executed }) => executed, texts.count],
    [texts.columns.time, ({ ns }) => ns, texts.micros],
    [texts.columns.insns, ({ insns }) => insns || null, texts.count],
  ];
  return (
    <section aria-label={texts.title} data-testid="bits">
      <div className="numbers-head">
        <h2>{texts.title}</h2>
        <span className="numbers-found">
          <button type="button" className="button small bordered" aria-disabled={task.running} onClick={() => task.running || all()}>
            {texts.measure}
          </button>
          <button
            type="button"
            className="button small primary"
            aria-disabled={!usable}
            onClick={() => usable && takeOptions({ ...presentOptions(options), quant: stop.name })}
          >
            {inUse ? texts.taken : texts.take}
          </button>
        </span>
      </div>
      <div className="numbers-form">
        <input
          type="range"
          className="grow touch-bits"
          min={0}
          max={STOPS.length - 1}
          step={1}
          value={chosen}
          aria-label={texts.slider}
          aria-valuetext={texts.stop(stop.name, stop.weightBits, stop.activationBits)}
          data-testid="bits-slider"
          onChange={({ target }) => noteTouch({ quant: STOPS[Number(target.value)]!.name })}
        />
      </div>
      <p className="numbers-note">{texts.stop(stop.name, stop.weightBits, stop.activationBits)}</p>
      {nodes.size > 0 ? <p className="numbers-note small muted">{texts.own}</p> : null}
      {task.running ? (
        <div className="numbers-note">
          <Progress progress={task.progress} label={texts.measuring} onCancel={task.cancel} />
        </div>
      ) : null}
      {task.error ? <ErrorNote error={task.error} /> : null}
      <table className="touch-table touch-stops" aria-label={texts.title}>
        <thead>
          <tr className="small muted">
            <th scope="col">{texts.columns.stop}</th>
            {columns.map(([title]) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {STOPS.map(({ name }) => {
            const figure = figures.get(name);
            const bad = figure?.refused != null ? texts.refused(figure.refused) : figure?.accepted === false ? texts.rejected : null;
            return (
              <tr
                key={name}
                className={name === stop.name ? 'selected' : ''}
                aria-current={name === stop.name ? 'true' : undefined}
                data-stop={name}
              >
                <th scope="row">
                  {name}
                  {name === base ? (
                    <span title={texts.taken}>
                      {texts.mark}
                      <span className="visually-hidden">{texts.taken}</span>
                    </span>
                  ) : null}
                </th>
                {bad ? (
                  <td colSpan={columns.length} className="bad">
                    {`✕ ${bad}`}
                  </td>
                ) : (
                  columns.map(([title, of, format]) => {
                    const own = figure ? of(figure) : null;
                    return (
                      <td key={title}>
                        {own === null ? <span className="muted">{texts.none}</span> : format(own)}
                        <Share value={own} most={Math.max(...[...figures.values()].map((one) => of(one) ?? 0))} />
                      </td>
                    );
                  })
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="numbers-note small muted">{trace ? texts.about : texts.noTrace}</p>
    </section>
  );
}

const complete = (figure: TryFigures | undefined, traced: boolean): boolean =>
  figure !== undefined &&
  (figure.refused !== null || figure.accepted === false || (figure.processed !== null && (!traced || figure.ns !== null)));

/** A value as a bar beside the largest of its column. */
function Share({ value, most }: { value: number | null; most: number }) {
  if (value === null || most <= 0) return null;
  return <span className="touch-share" style={{ transform: `scaleX(${value / most})` }} aria-hidden="true" />;
}
