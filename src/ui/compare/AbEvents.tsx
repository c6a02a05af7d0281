import { type ReactNode, useMemo, useState } from 'react';
import { differences } from '../../replay/ab.ts';
import { meets, NO_VERDICT, verdictOf } from '../../replay/verdicts.ts';
import type { AbView } from '../../workbench/ab.ts';
import { formatScore } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { ab as texts } from '../texts/ab.ts';

type Filter = keyof typeof texts.filters;
const FILTERS = Object.keys(texts.filters) as Filter[];
const ROW_HEIGHT = 20;

/** What both programs say of each event; a row selects its event everywhere. */
export function AbEvents({ view, done, children }: { view: AbView; done: boolean; children: ReactNode }) {
  const [filter, setFilter] = useState<Filter>('differ');
  const packet = useWorkbench((state) => (state.selection?.kind === 'packet' ? Number(state.selection.id) : -1));
  const { kind, sides, labels, result } = view;
  const events = useMemo(() => filtered(view, filter), [view, filter]);
  const judged = sides.a.reference !== null || labels !== null;
  const two = sides.a.reference !== null && sides.b.reference !== null && sides.a.reference !== sides.b.reference;
  const active = events.indexOf(packet);
  const rowOf = (at: number) => differences({ kind, ...sides, labels }, [events[at]!])[0]!;
  return (
    <section className="ab-events" aria-label={texts.list}>
      <div className="ab-tools">
        <label>
          {texts.filter}
          <select className="field" value={filter} onChange={({ target }) => setFilter(target.value as Filter)}>
            {FILTERS.filter((one) => judged || !one.startsWith('only')).map((one) => (
              <option key={one} value={one}>
                {texts.filters[one]}
              </option>
            ))}
          </select>
        </label>
        <span className="muted" data-testid="ab-listed">
          {texts.listed(events.length, result.events)}
        </span>
        {children}
      </div>
      {events.length === 0 ? (
        <p className="muted ab-none">{done ? (filter === 'differ' ? texts.none.differ : texts.none.other) : ''}</p>
      ) : (
        <>
          <div className="ab-row ab-row-head muted" aria-hidden="true">
            <span className="num">{texts.heads.event}</span>
            <span>{texts.heads.a}</span>
            <span>{texts.heads.b}</span>
            {sides.a.reference ? <span>{texts.heads.reference}</span> : null}
            {two ? <span>{texts.heads.referenceB}</span> : null}
            {labels ? <span>{texts.heads.label}</span> : null}
          </div>
          <VirtualList
            label={texts.list}
            count={events.length}
            rowHeight={ROW_HEIGHT}
            active={active}
            className="ab-list"
            rowClass={(at) => (at === active ? 'selected' : '')}
            rowLabel={(at) => {
              const { event, a, b } = rowOf(at);
              return texts.rowLabel(event, a.verdict, b.verdict);
            }}
            onActivate={(at) => select('packet', events[at]!)}
          >
            {(at) => {
              const { event, a, b, reference, referenceB, label } = rowOf(at);
              const differs = a.verdict !== b.verdict;
              return (
                <div className="ab-row">
                  <span className="num">{texts.event(event)}</span>
                  <Said one={a} wrong={differs && reference !== null && reference.verdict !== a.verdict} />
                  <Said one={b} wrong={differs && (referenceB ?? reference) !== null && (referenceB ?? reference)!.verdict !== b.verdict} />
                  {reference ? <Said one={reference} /> : null}
                  {two ? <Said one={referenceB ?? null} /> : null}
                  {labels ? <span className="ellipsis">{label === null ? '–' : texts.label(label)}</span> : null}
                </div>
              );
            }}
          </VirtualList>
        </>
      )}
    </section>
  );
}

function Said({ one, wrong = false }: { one: { readonly verdict: string; readonly score: number | null } | null; wrong?: boolean }) {
  if (!one) return <span>–</span>;
  return (
    <span className={wrong ? 'ellipsis bad' : 'ellipsis'}>
      {wrong ? '✕ ' : ''}
      {one.verdict} <span className="num muted">{formatScore(one.score ?? Number.NaN)}</span>
    </span>
  );
}

/** Events of a filter; who is right the labels say where they are known, else ONNX Runtime. */
function filtered({ kind, sides: { a, b }, labels, result }: AbView, filter: Filter): readonly number[] {
  if (filter === 'differ') return Array.from(result.differing);
  const all = Array.from({ length: Math.min(a.scores.done, b.scores.done) }, (_, at) => at).filter(
    (at) => kind !== 'calls' || a.scores.verdict[at] !== NO_VERDICT || b.scores.verdict[at] !== NO_VERDICT,
  );
  if (filter === 'all') return all;
  const right = ({ scores, reference, binding }: typeof a, at: number): boolean => {
    const label = labels?.[at] ?? -1;
    if (label >= 0) return meets(label, scores.verdict[at]!, binding, kind);
    return reference !== null && verdictOf(kind, reference.verdict[at]!) === verdictOf(kind, scores.verdict[at]!);
  };
  return all.filter((at) => right(a, at) !== right(b, at) && right(filter === 'onlyA' ? a : b, at));
}
