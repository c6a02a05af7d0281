import { useMemo } from 'react';
import { largestErrors, overTime, spread } from '../../replay/over-time.ts';
import { eventErrors } from '../../replay/scores.ts';
import { NO_VERDICT } from '../../replay/verdicts.ts';
import { scoreAt, VERDICT_NAMES } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ScoreColumns } from '../../workbench/views.ts';
import { showPanel } from '../shell/desk-store.ts';
import { detection as texts } from '../texts/detection.ts';
import { SpreadBars } from './SpreadBars.tsx';
import './detection.css';

const WORST = 20;
const MOST_STRETCHES = 120;
const [DECADES, PER_DECADE] = [6, 4];

/** How large the differences are, where they stand in the trace, and which events are the worst. */
export default function ErrorsView() {
  const replay = useWorkbench((state) => state.stages.replay.value);
  const reference = useWorkbench((state) => state.stages.reference.value);
  const overlay = useWorkbench((state) => state.overlay);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const packet = useWorkbench((state) => (state.selection?.kind === 'packet' ? Number(state.selection.id) : -1));
  const kind = useWorkbench((state) => state.stages.trace.value?.kind ?? 'packets');
  const view = useMemo(() => {
    if (!replay || !reference || !binding) return null;
    const done = Math.min(replay.done, reference.done);
    // A call at which neither runs its model is no event.
    const agrees = (at: number): boolean | null => {
      const [ours, theirs] = [scoreAt(replay, overlay.program, at)!.verdict, scoreAt(reference, overlay.reference, at)!.verdict];
      return kind === 'calls' && ours === NO_VERDICT && theirs === NO_VERDICT ? null : ours === theirs;
    };
    const errors = eventErrors(replay, reference, done, binding.output.kind === 'tensor');
    const worst = largestErrors(errors, WORST);
    const greatest = Math.ceil(Math.log10(errors[worst[0] ?? 0] || 1));
    return {
      errors,
      agrees,
      spread: spread(errors, greatest - DECADES, greatest, PER_DECADE),
      stretches: overTime(done, MOST_STRETCHES, agrees, (at) => errors[at]!),
      worst,
    };
  }, [replay, reference, overlay, binding, kind]);
  if (!view || !replay || !reference) return null;
  const tensors = kind === 'tensors';
  return (
    <div className="errors-view" data-testid="errors-view">
      <section>
        <h3 className="muted">{texts.spread}</h3>
        <SpreadBars spread={view.spread} />
      </section>
      <section>
        <h3 className="muted">{texts.time}</h3>
        <ul
          className="stretches"
          aria-label={texts.timeLabel(view.stretches.length, view.stretches.filter(({ differing }) => differing > 0).length)}
        >
          {view.stretches.map((one) => (
            <li key={one.from}>
              <button
                type="button"
                className={one.differing > 0 ? 'stretch differs' : 'stretch'}
                title={texts.stretch(one.from, one.to, one.differing)}
                aria-label={texts.stretch(one.from, one.to, one.differing)}
                onClick={() => select('packet', firstOf(one, view.agrees, view.errors))}
              >
                <span
                  style={{ height: `${one.differing > 0 ? Math.max(12, (100 * one.differing) / (one.agreed + one.differing)) : 4}%` }}
                />
              </button>
            </li>
          ))}
        </ul>
        {view.stretches.length > 0 ? (
          <p className="spread-axis small muted" aria-hidden="true">
            <span>{texts.eventIs(0)}</span>
            <span>{texts.eventIs(view.stretches.at(-1)!.to - 1)}</span>
          </p>
        ) : null}
      </section>
      <section>
        {view.worst.length === 0 ? (
          <p className="muted">{texts.allEqual}</p>
        ) : (
          <table data-testid="worst-events">
            <caption>{texts.worst}</caption>
            <thead>
              <tr>
                {Object.entries(texts.worstHeads).map(([key, head]) => (
                  <th key={key} scope="col" className={key === 'agrees' ? '' : 'num'}>
                    {head}
                  </th>
                ))}
                <td />
              </tr>
            </thead>
            <tbody>
              {view.worst.map((at) => (
                <tr key={at} aria-selected={at === packet} className={at === packet ? 'selected' : ''}>
                  <th scope="row" className="num">
                    <button type="button" className="link" onClick={() => select('packet', at)}>
                      {texts.count(at + 1)}
                    </button>
                  </th>
                  <td className="num">{said(replay, at, tensors)}</td>
                  <td className="num">{said(reference, at, tensors)}</td>
                  <td className="num">{view.errors[at]!.toPrecision(3)}</td>
                  <td className={view.agrees(at) === false ? 'bad' : 'muted'}>{texts.agrees(view.agrees(at) !== false)}</td>
                  <td>
                    <button
                      type="button"
                      className="button small"
                      onClick={() => {
                        select('packet', at);
                        showPanel('tensors');
                      }}
                    >
                      {texts.tensors}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </div>
  );
}

/** The event of a stretch to look at: the first that differs, else the one that is farthest off. */
function firstOf({ from, to }: { from: number; to: number }, agrees: (at: number) => boolean | null, errors: Float64Array): number {
  let worst = from;
  for (let at = from; at < to; at++) {
    if (agrees(at) === false) return at;
    if (errors[at]! > errors[worst]!) worst = at;
  }
  return worst;
}

function said(columns: ScoreColumns, at: number, tensors: boolean): string {
  const verdict = columns.verdict[at]!;
  return tensors ? texts.className(verdict) : `${VERDICT_NAMES[verdict] ?? verdict} ${columns.score[at]!.toFixed(4)}`;
}
