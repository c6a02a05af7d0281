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

/** Tokens that are written at most. */
const COUNTS = [16, 64] as const;
const MOST_PROMPT = 1000;
const REPEATS = [1, 100, 10_000] as const;
/** Numbers of an output that stand in a cell. */
const MOST_SHOWN = 6;

const shown = (values: ArrayLike<number>): string =>
  Array.from({ length: Math.min(values.length, MOST_SHOWN) }, (_, i) => values[i]!.toFixed(4)).join(', ') +
  (values.length > MOST_SHOWN ? ' …' : '');

/** The event at the cursor through the kernel and through our engine; of a program that writes text, a prompt. */
export function RunView() {
  const words = texts.run;
  const event = useWorkbench((state) => machinePlace(state)?.event ?? -1);
  const writes = useWorkbench((state) => state.stages.program.value?.writesText === true);
  const said = useAnswers((state) => state.run);
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend === 'helper');
  const [repeat, setRepeat] = useState<number>(100);
  const [prompt, setPrompt] = useState<string>(words.promptStart);
  const [tokens, setTokens] = useState<number>(COUNTS[0]);
  const { progress, running, error, run, cancel } = useTask();
  const ask = useStable(() => {
    const place = machinePlace(useWorkbench.getState());
    if (!connected || !place) return;
    void run(
      (options) => runEvent(place.programKey, writes ? { kind: 'text', prompt, count: tokens } : place.spec, repeat, options),
      (ran) =>
        useAnswers.setState(({ run: before }) => ({
          run: { of: place.programKey, event: writes ? -1 : place.event, number: (before?.number ?? 0) + 1, said: ran },
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
        {writes ? (
          <>
            <label className="kernel-label grow">
              {words.prompt}
              <input
                className="field grow"
                value={prompt}
                maxLength={MOST_PROMPT}
                spellCheck={false}
                autoComplete="off"
                onChange={(change) => setPrompt(change.target.value)}
              />
            </label>
            <Count label={words.tokens} all={COUNTS} value={tokens} onChange={setTokens} />
          </>
        ) : (
          <>
            <Count label={words.repeat} all={REPEATS} value={repeat} onChange={setRepeat} />
            <span className="muted">{event >= 0 ? words.about(event) : words.noEvent}</span>
          </>
        )}
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

interface CountProps {
  readonly label: string;
  readonly all: readonly number[];
  readonly value: number;
  readonly onChange: (value: number) => void;
}

const Count = ({ label, all, value, onChange }: CountProps) => (
  <label className="kernel-label">
    {label}
    <select className="field" value={value} onChange={({ target }) => onChange(Number(target.value))}>
      {all.map((one) => (
        <option key={one} value={one}>
          {one.toLocaleString('en')}
        </option>
      ))}
    </select>
  </label>
);

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
  if (theirs.text !== undefined) rows.push([words.written, ours.text ?? words.none, theirs.text, ours.text === theirs.text]);
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
    <table className="kernel-table kernel-run" data-testid="kernel-run" data-number={number} data-same={allSame}>
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
            <td className="mono kernel-said">{a}</td>
            <td className="mono kernel-said">{b}</td>
            <td className={same === null ? 'muted' : same ? 'ok' : 'bad'}>
              {same === null ? words.notCompared : same ? words.equal : words.unequal}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
