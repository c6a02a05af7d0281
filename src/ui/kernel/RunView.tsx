import { useState } from 'react';
import { runEvent, useKernel } from '../../workbench/kernel.ts';
import type { EventRun } from '../../workbench/kernel-views.ts';
import { machinePlace } from '../../workbench/machine.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { Stale } from './Stale.tsx';
import { useAnswers } from './store.ts';

const REPEATS = [1, 100, 10_000] as const;
/** Numbers of an output that stand in a cell. */
const MOST_SHOWN = 6;

const shown = (values: ArrayLike<number>): string =>
  Array.from({ length: Math.min(values.length, MOST_SHOWN) }, (_, i) => values[i]!.toFixed(4)).join(', ') +
  (values.length > MOST_SHOWN ? ' …' : '');

/** The event at the cursor through the kernel and through our engine. */
export function RunView() {
  const words = texts.run;
  const event = useWorkbench((state) => machinePlace(state)?.event ?? -1);
  const said = useAnswers((state) => state.run);
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend === 'helper');
  const [repeat, setRepeat] = useState<number>(100);
  const { progress, running, error, run, cancel } = useTask();
  const ask = useStable(() => {
    const place = machinePlace(useWorkbench.getState());
    if (!connected || !place) return;
    void run(
      (options) => runEvent(place.programKey, place.spec, repeat, options),
      (ran) =>
        useAnswers.setState(({ run: before }) => ({
          run: { of: place.programKey, event: place.event, number: (before?.number ?? 0) + 1, said: ran },
        })),
    );
  });
  useCommandHandler('kernel.ask', ask);
  return (
    <>
      <div className="kernel-tools">
        <button type="button" className="button primary" disabled={!connected || running} onClick={ask}>
          {words.run}
        </button>
        <label className="kernel-label">
          {words.repeat}
          <select className="field" value={repeat} onChange={(change) => setRepeat(Number(change.target.value))}>
            {REPEATS.map((one) => (
              <option key={one} value={one}>
                {one.toLocaleString('en')}
              </option>
            ))}
          </select>
        </label>
        <span className="muted">{event >= 0 ? words.about(event) : words.noEvent}</span>
      </div>
      {running ? <Progress progress={progress} label={words.running} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {said ? (
        <div className={`kernel-scroll ${running ? 'stale' : ''}`} aria-busy={running}>
          <Stale of={said.of} />
          {said.event >= 0 ? <p className="kernel-pad muted small">{words.about(said.event)}</p> : null}
          <Table ran={said.said} number={said.number} />
        </div>
      ) : running ? null : (
        <p className="kernel-pad muted">{texts.nothingYet}</p>
      )}
    </>
  );
}

/** `number`: how many runs were asked for before and with it. */
function Table({ ran, number }: { ran: EventRun; number: number }) {
  const words = texts.run;
  const { ours, theirs } = ran;
  const score = (value: number): string => (Number.isNaN(value) ? words.none : value.toFixed(4));
  const rows: (readonly [quantity: string, ours: string, theirs: string, same: boolean | null])[] = [
    [words.returnValue, String(ours.returnValue), String(theirs.returnValue), ours.returnValue === theirs.returnValue],
  ];
  if (!Number.isNaN(ours.score) || !Number.isNaN(theirs.score))
    rows.push([words.score, score(ours.score), score(theirs.score), Object.is(ours.score, theirs.score)]);
  for (const [i, { name, values }] of (theirs.outputs ?? []).entries()) {
    const own = ours.outputs?.[i]?.values;
    rows.push([words.output(name), own ? shown(own) : words.none, shown(values), i === 0 ? ran.outputsEqual : null]);
  }
  if (theirs.data)
    rows.push([
      words.data,
      ours.data ? words.bytes(ours.data.length) : words.none,
      ran.dataDiffers !== null && ran.dataDiffers >= 0 ? words.differsAt(ran.dataDiffers) : words.bytes(theirs.data.length),
      ran.dataDiffers === null ? null : ran.dataDiffers < 0,
    ]);
  rows.push([words.time, words.none, words.ns(theirs.ns), null]);
  const allSame = rows.every(([, , , same]) => same !== false);
  return (
    <table className="kernel-table" data-testid="kernel-run" data-number={number} data-same={allSame}>
      <caption className="visually-hidden">{words.caption}</caption>
      <thead>
        <tr>
          <th scope="col">{words.quantity}</th>
          <th scope="col">{words.ours}</th>
          <th scope="col">{words.theirs}</th>
          <th scope="col">{words.same}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([quantity, a, b, same]) => (
          <tr key={quantity}>
            <th scope="row">{quantity}</th>
            <td className="mono">{a}</td>
            <td className="mono">{b}</td>
            <td className={same === null ? 'muted' : same ? 'ok' : 'bad'}>
              {same === null ? words.notCompared : same ? words.equal : words.unequal}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
