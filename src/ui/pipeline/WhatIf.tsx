import { useEffect, useRef, useState } from 'react';
import { STOPPED } from '../../base/progress.ts';
import type { Precision } from '../../compiler/api.ts';
import { formatQuant, parseQuant } from '../../compiler/precision.ts';
import type { UserError } from '../../workbench/errors.ts';
import type { Change, PassesView, TryFigures, TryView } from '../../workbench/pass-views.ts';
import { presentOptions, takeOptions, tryOptions } from '../../workbench/passes.ts';
import type { StageProgress } from '../../workbench/stages.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { CompileOptions } from '../components/CompileOptions.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { pipeline } from '../texts/pipeline.ts';
import { saidBy } from './usePasses.ts';

const texts = pipeline.tries;

export const sameOptions = (a: Change, b: Change): boolean => JSON.stringify(presentOptions(a)) === JSON.stringify(presentOptions(b));

interface WhatIfProps {
  readonly programKey: string;
  readonly change: Change;
  readonly onChange: (change: Change) => void;
  readonly products: PassesView['products'];
}

/** Options that can be tried: each change shows at once what it would cost, and nothing is taken before it is wanted. */
export function WhatIf({ programKey, change, onChange, products }: WhatIfProps) {
  const options = useWorkbench((state) => state.history.doc.options);
  const selected = useWorkbench((state) => (state.selection?.kind === 'node' ? Number(state.selection.id) : -1));
  const trace = useWorkbench((state) => state.history.doc.trace !== null);
  const [scope, setScope] = useState<string | null>(null);
  const { base, nodes } = parseQuant(change.quant);
  // The selected node's product is what a precision is for, until another is chosen.
  const near = products.find(({ node }) => node === selected)?.name ?? '';
  const product = scope ?? near;
  const dirty = !sameOptions(change, options);
  const tried = useTry(programKey, dirty ? change : null);
  const precise = (precision: Precision) => {
    const own = new Map(nodes);
    if (product !== '') own.set(product, precision);
    onChange({ ...change, quant: formatQuant(product === '' ? { base: precision, nodes } : { base, nodes: own }) });
  };
  return (
    <section className="pipeline-tries" aria-label={texts.title} data-testid="what-if">
      <div className="pipeline-controls">
        <label>
          <span>{texts.scope}</span>
          <select className="field" value={product} onChange={({ target }) => setScope(target.value)}>
            <option value="">{texts.all}</option>
            {products.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <CompileOptions
          options={change}
          precision={product === '' ? base : (nodes.get(product) ?? base)}
          onPrecision={precise}
          onChange={(other) => onChange(presentOptions({ ...change, ...other }))}
        />
      </div>
      {dirty ? (
        <div className="pipeline-actions">
          <button
            type="button"
            className="button bordered primary"
            disabled={!tried.view?.tried || tried.view.tried.refused !== null}
            onClick={() => takeOptions(change)}
          >
            {texts.use}
          </button>
          <button type="button" className="button bordered" onClick={() => onChange(presentOptions(options))}>
            {texts.reset}
          </button>
          {tried.ms === null ? null : (
            <span className="small muted" data-testid="took">
              {texts.took(tried.ms)}
            </span>
          )}
        </div>
      ) : (
        <p className="small muted pipeline-note">{texts.same}</p>
      )}
      {tried.running ? <Progress progress={tried.progress} label={texts.running} onCancel={tried.cancel} /> : null}
      {tried.error ? <ErrorNote error={tried.error} /> : null}
      {tried.view ? <Figures view={tried.view} running={tried.running} dirty={dirty} trace={trace} /> : null}
    </section>
  );
}

/** Runs what is to be tried; figures come as they are known. */
function useTry(key: string, change: Change | null) {
  const of = JSON.stringify([key, change]);
  const [held, setHeld] = useState<{ readonly of: string; readonly view: TryView } | null>(null);
  const [progress, setProgress] = useState<StageProgress | null>(null);
  const [done, setDone] = useState<{ readonly of: string; readonly error: UserError | null } | null>(null);
  const [ms, setMs] = useState<{ readonly of: string; readonly ms: number } | null>(null);
  const traced = useWorkbench((state) => state.history.doc.trace !== null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => {
    const [wanted, options] = JSON.parse(of) as [string, Change | null];
    const own = new AbortController();
    stop.current = own;
    const began = performance.now();
    const settle = (error: UserError | null) => {
      if (stop.current !== own) return;
      setProgress(null);
      setDone({ of, error });
    };
    tryOptions(
      wanted,
      options,
      (view) => {
        if (own.signal.aborted) return;
        setHeld({ of, view });
        // The time comes last and needs rounds: what it took is told of all that is known without it.
        if (view.tried && (view.tried.refused !== null || (view.tried.processed !== null && (view.tried.executed !== null || !traced))))
          setMs((before) => (before?.of === of ? before : { of, ms: performance.now() - began }));
      },
      {
        signal: own.signal,
        onProgress: (stage, at, total) => {
          if (!own.signal.aborted) setProgress({ stage, done: at, total });
        },
      },
    ).then(
      (view) => {
        if (!own.signal.aborted) setHeld({ of, view });
        settle(null);
      },
      (failure: unknown) => settle(saidBy(failure)),
    );
    return () => own.abort(STOPPED);
  }, [of, traced]);
  const own = done?.of === of ? done : null;
  return {
    view: held?.of === of ? held.view : null,
    running: own === null,
    progress,
    ms: ms?.of === of ? ms.ms : null,
    error: own?.error ?? null,
    cancel: () => stop.current?.abort(STOPPED),
  };
}

interface FigureRow {
  readonly name: string;
  readonly about?: string;
  readonly of: (figures: TryFigures) => number | null;
  readonly format: (value: number) => string;
  /** Less of it is better, or more. */
  readonly good: 'less' | 'more';
}

const ROWS: readonly FigureRow[] = [
  { name: texts.figures.insns, of: ({ insns }) => insns, format: texts.count, good: 'less' },
  { name: texts.figures.processed, of: ({ processed }) => processed, format: texts.count, good: 'less' },
  { name: texts.figures.executed, about: texts.executedAbout, of: ({ executed }) => executed, format: texts.count, good: 'less' },
  { name: texts.figures.time, about: texts.engineAbout, of: ({ ns }) => ns, format: texts.micros, good: 'less' },
  { name: texts.figures.error, of: ({ maxError }) => maxError, format: texts.real, good: 'less' },
  { name: texts.figures.agreement, of: ({ agreement }) => agreement, format: texts.share, good: 'more' },
  { name: texts.figures.weights, of: ({ weightBytes }) => weightBytes, format: texts.bytes, good: 'less' },
];

interface FiguresProps {
  readonly view: TryView;
  readonly running: boolean;
  readonly dirty: boolean;
  readonly trace: boolean;
}

function Figures({ view: { now, tried }, running, dirty, trace }: FiguresProps) {
  if (tried?.refused) return <p className="pipeline-note bad">{texts.refused(tried.refused)}</p>;
  const missing = running ? texts.waiting : texts.none;
  const absent = dirty ? missing : '';
  const verdict = (figures: TryFigures | null, without: string) =>
    figures?.accepted == null ? (
      without
    ) : figures.accepted ? (
      <span className="ok">{texts.accepted}</span>
    ) : (
      <span className="bad">{texts.rejected}</span>
    );
  const { columns } = texts;
  return (
    <>
      <table className="pipeline-table pipeline-figures" aria-label={texts.title}>
        <thead>
          <tr className="small muted">
            <td />
            <th scope="col">{columns.now}</th>
            <th scope="col">{columns.tried}</th>
            <th scope="col">{columns.change}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{texts.figures.verdict}</th>
            <td>{verdict(now, missing)}</td>
            <td>{verdict(tried, absent)}</td>
            <td />
          </tr>
          {tried === null || now?.strategy === tried.strategy ? null : (
            <tr>
              <th scope="row">{texts.figures.strategy}</th>
              <td>{now?.strategy}</td>
              <td>{tried?.strategy}</td>
              <td />
            </tr>
          )}
          {ROWS.map(({ name, about, of, format, good }) => {
            const [before, after] = [now && of(now), tried && of(tried)];
            const known = before !== null && after !== null;
            const better = known && before !== after ? after < before === (good === 'less') : null;
            return (
              <tr key={name}>
                <th
                  scope="row"
                  title={name === texts.figures.error || name === texts.figures.agreement ? texts.errorAbout(tried?.events ?? 0) : about}
                >
                  {name}
                </th>
                <td>{before === null ? missing : format(before)}</td>
                <td>{after === null ? absent : format(after)}</td>
                <td
                  className={better === null ? 'muted' : better ? 'ok' : 'bad'}
                  title={known && good === 'less' ? texts.relative(before, after) : undefined}
                >
                  {known ? texts.change(before, after, format) : ''}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {tried?.message ? (
        <p className="small pipeline-note">
          <span className="bad">{texts.rejected}</span> {tried.message}
        </p>
      ) : null}
      {trace ? null : <p className="small muted pipeline-note">{texts.noTrace}</p>}
    </>
  );
}
