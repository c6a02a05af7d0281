import { useEffect, useMemo, useState } from 'react';
import type { Table } from '../../replay/ab.ts';
import { changeOf, said } from '../../replay/report.ts';
import { type AbState, abView, isPresent, runAgainst, stopAb, useAb, type AbView as View } from '../../workbench/ab.ts';
import type { ProjectDoc } from '../../workbench/document.ts';
import { useAsked } from '../../workbench/projects/asked.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { ab as texts } from '../texts/ab.ts';
import { AbChooser } from './AbChooser.tsx';
import { AbEvents } from './AbEvents.tsx';
import { AbShare } from './AbShare.tsx';
import { SpreadBars } from './SpreadBars.tsx';
import './ab.css';

/** Two programs on the open trace: the open one and another. */
export default function AbView() {
  const state = useAb();
  const doc = useWorkbench((present) => present.history.doc);
  const trace = useWorkbench((present) => present.stages.trace.value);
  const ready = trace !== null && doc.source !== null && doc.source.kind !== 'log';
  // What ran on another trace is about other events.
  const own = state.a?.doc.trace?.hash === doc.trace?.hash;
  const view = useMemo(() => (own ? abView(state) : null), [state, own]);
  const busy = state.status === 'running';
  const run = (other: ProjectDoc, name: string) => void runAgainst(other, name);
  const asked = useAsked((present) => present.asked);
  const traced = useWorkbench(({ stages }) => stages.trace.status === 'done' && !stages.trace.stale);
  useEffect(() => {
    if (!asked || !ready || !traced) return;
    useAsked.setState({ asked: null });
    void runAgainst(asked.doc, asked.name);
  }, [asked, ready, traced]);
  if (!ready) {
    return (
      <div className="empty" data-testid="ab">
        <strong>{texts.needs.title}</strong>
        <p>{trace ? texts.needs.program : texts.needs.trace}</p>
      </div>
    );
  }
  return (
    <div className="ab" data-testid="ab" data-status={state.status} data-differing={view?.result.differing.length}>
      <AbChooser busy={busy} onRun={run} ran={view !== null} />
      {state.error ? <ErrorNote error={state.error} /> : null}
      {busy ? <Progress progress={state.progress} label={texts.working} onCancel={stopAb} /> : null}
      {state.status === 'cancelled' ? <ErrorNote tone="note" error={texts.stopped} /> : null}
      {view && !busy && !isPresent(state, doc) ? <ErrorNote tone="warning" error={texts.stale} /> : null}
      {view && doc.edits.length > 0 ? <ErrorNote tone="note" error={texts.edits} /> : null}
      {view ? (
        <Result state={state} view={view} />
      ) : busy || state.error ? null : (
        <div className="empty">
          <strong>{texts.needs.title}</strong>
          <p>{texts.needs.text}</p>
        </div>
      )}
    </div>
  );
}

function Result({ state, view }: { state: AbState; view: View }) {
  const { result, kind } = view;
  const tensors = kind === 'tensors';
  const apart = result.differing.length;
  return (
    <>
      <dl className="headline ab-headline">
        <div>
          <dt>{texts.alike}</dt>
          <dd className="big" data-testid="ab-same" data-same={result.same}>
            {texts.share(result.same, result.events)}
          </dd>
          <dd className="muted">{texts.of(result.same, result.events)}</dd>
        </div>
        <div>
          <dt>{texts.apart}</dt>
          <dd className="big">{formatCount(apart)}</dd>
          <dd className="muted">{texts.events(apart)}</dd>
        </div>
        <div>
          <dt>{tensors ? texts.largestOutput : texts.largest}</dt>
          <dd className="big">{result.apart.events === 0 ? '–' : result.apart.max.toFixed(4)}</dd>
          <dd className="muted">{result.apart.events === 0 ? '' : texts.mean(result.apart.mean)}</dd>
        </div>
        <div>
          <dt>{texts.time}</dt>
          <dd className="big">{state.times ? texts.times(state.times.ratio) : '–'}</dd>
          <dd className="muted">{state.times ? texts.stretches(state.times.stretches) : ''}</dd>
        </div>
      </dl>
      <AbEvents view={view} done={state.status === 'done'}>
        {state.status === 'done' ? <AbShare name={state.name} /> : null}
      </AbEvents>
      <div className="ab-tables">
        <Figures state={state} view={view} />
        <Right view={view} />
      </div>
      <Tables view={view} />
      <Errors view={view} />
    </>
  );
}

const mean = (values: Uint32Array | undefined, done: number): number | null => {
  if (!values || done === 0) return null;
  let sum = 0;
  for (let at = 0; at < done; at++) sum += values[at]!;
  return sum / done;
};

/** What each of the two costs and how good it is. */
function Figures({ state: { a, b, times }, view: { result, sides, kind } }: { state: AbState; view: View }) {
  const figures = (['a', 'b'] as const).map((which) => {
    const side = { a, b }[which]!;
    const judged = result[which];
    const { reference } = sides[which];
    let agreed = 0;
    for (let at = 0; reference && at < result.events; at++) if (reference.verdict[at] === side.columns.verdict[at]) agreed++;
    return {
      insns: side.insns,
      processed: side.processed,
      executed: mean(side.columns.executed, side.columns.done),
      ns: times?.[which] ?? null,
      agreement: reference && kind !== 'calls' ? agreed / Math.max(1, result.events) : null,
      maxError: judged.errors?.max ?? null,
    };
  });
  const ids = Object.keys(figures[0]!) as (keyof (typeof figures)[0])[];
  const show = (id: (typeof ids)[number], value: number | null) => said(id === 'executed' ? 'insns' : id, value);
  return (
    <table data-testid="ab-figures">
      <caption>{texts.figures}</caption>
      <thead>
        <tr>
          <td />
          {[texts.a, texts.b, texts.change].map((head) => (
            <th key={head} scope="col" className="num">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {ids
          .filter((id) => figures.some((side) => side[id] !== null))
          .map((id) => (
            <tr key={id}>
              <th scope="row">{texts.rows[id]}</th>
              <td className="num">{show(id, figures[0]![id])}</td>
              <td className="num">{show(id, figures[1]![id])}</td>
              <td className="num muted">{changeOf(id, figures[1]![id], figures[0]![id])}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

/** On how many events which of the two is right. */
function Right({ view: { result } }: { view: View }) {
  const known = [
    [texts.asReference, result.byReference],
    [texts.asLabels, result.byLabel],
  ] as const;
  const rows = known.flatMap(([name, pairs]) => (pairs ? [{ name, pairs }] : []));
  if (rows.length === 0) return null;
  const heads = Object.keys(texts.pairs) as (keyof typeof texts.pairs)[];
  return (
    <table data-testid="ab-right">
      <caption>{texts.right}</caption>
      <thead>
        <tr>
          <td />
          {heads.map((head) => (
            <th key={head} scope="col" className="num" title={head === 'p' ? texts.pAbout : undefined}>
              {texts.pairs[head]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, pairs }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {heads.map((head) => (
              <td key={head} className="num">
                {head === 'p' ? texts.p(pairs.p) : formatCount(pairs[head])}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Judge = keyof typeof texts.against;

/** Confusion of each side, beside each other, and of one against the other. */
function Tables({ view: { result } }: { view: View }) {
  const able: Judge[] = [
    ...(result.a.byReference || result.b.byReference ? ['reference' as const] : []),
    ...(result.byLabel ? ['labels' as const] : []),
  ];
  const [wanted, setWanted] = useState<Judge>('reference');
  const judge = able.includes(wanted) ? wanted : able[0];
  const of = (side: 'a' | 'b') => (judge === 'labels' ? result[side].byLabel : result[side].byReference);
  return (
    <section className="ab-confusions">
      {able.length > 1 ? (
        <div className="segments">
          {able.map((one) => (
            <button key={one} type="button" className="segment" aria-pressed={judge === one} onClick={() => setWanted(one)}>
              {texts.against[one]}
            </button>
          ))}
        </div>
      ) : null}
      <div className="ab-tables">
        {judge
          ? (['a', 'b'] as const).map((side) => {
              const table = of(side);
              return table ? <Counts key={side} caption={`${texts[side]} · ${texts.tables[judge]}`} table={table} /> : null;
            })
          : null}
        <Counts caption={texts.tables.between} table={result.between} />
      </div>
    </section>
  );
}

function Counts({ caption, table: { rows, columns, counts } }: { caption: string; table: Table }) {
  return (
    <table className="confusion">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <td />
          {columns.map((name) => (
            <th key={name} scope="col" className="num">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((name, down) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {columns.map((column, across) => {
              const count = counts[down]![across]!;
              const kind =
                column === name ? ' diagonal' : count === 0 ? ' zero' : rows.includes(column) || columns.includes(name) ? ' off' : '';
              return (
                <td key={column} className={`num${kind}`}>
                  {formatCount(count)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How far each is from ONNX Runtime, in the same bins. */
function Errors({ view: { errors: records } }: { view: View }) {
  if (!records.a && !records.b) return null;
  return (
    <section className="ab-errors">
      <p className="muted">{texts.errors}</p>
      <div className="ab-spreads">
        {(['a', 'b'] as const).map((side) => {
          const record = records[side];
          return record ? (
            <div key={side}>
              <strong>{texts[side]}</strong>
              <SpreadBars spread={record.spread} />
            </div>
          ) : null;
        })}
      </div>
    </section>
  );
}
