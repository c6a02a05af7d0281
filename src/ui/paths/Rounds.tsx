import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { LoopOnPath } from '../../verifier/query/along.ts';
import type { RoundCell, RoundTable } from '../../verifier/query/query.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { useWidth } from '../components/useWidth.ts';
import { useRemote } from '../model/useRemote.ts';
import { Code } from '../program/Code.tsx';
import { shownText } from '../program/decode.ts';
import { paths } from '../texts/paths.ts';
import { boundText } from '../verifier/range-scale.ts';
import { goToStep } from './query-store.ts';

const texts = paths.rounds;
const COLUMN = 132;
const NAME = 76;

/** The rounds of a loop on the path through the cursor, side by side: what differs at its head. */
export function Rounds({ asked, program, step }: { asked: Asked; program: ProgramView; step: number }) {
  const { ref, width } = useWidth();
  const of = `${asked.program} ${asked.kernel}`;
  const [chosen, setChosen] = useState<Pick<LoopOnPath, 'head' | 'depth'> | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  const loops = useRemote<readonly LoopOnPath[]>(`${of} ${step} loops`, (options) => askRecording(asked, 'loops', { step }, options));
  const known = loops.value;
  const loop = known ? (known.find((one) => one.head === chosen?.head && one.depth === chosen.depth) ?? known[0] ?? null) : null;
  const columns = Math.max(1, Math.floor((width - NAME - 24) / COLUMN));
  const key = loop && width > 0 ? `${of} ${step} ${loop.head} ${loop.depth} ${from} ${columns}` : null;
  const table = useRemote<RoundTable>(key, (options) =>
    askRecording(asked, 'rounds', { step, head: loop?.head, depth: loop?.depth, from: from ?? -1, count: columns }, options),
  );
  // The table before stays until the new one comes.
  const [last, setLast] = useState<RoundTable | null>(null);
  useEffect(() => {
    if (table.value) setLast(table.value);
  }, [table.value]);
  const shown = table.value ?? last;
  const error = loops.error ?? table.error;
  if (known?.length === 0) return <p className="empty">{texts.none}</p>;
  return (
    <div className="rounds" ref={ref}>
      {error ? <ErrorNote error={error} /> : null}
      {known && loop ? (
        <div className="rounds-bar">
          <label>
            {texts.loop}{' '}
            <select
              className="field"
              value={`${loop.head} ${loop.depth}`}
              onChange={(event) => {
                const [head, depth] = event.target.value.split(' ').map(Number);
                setChosen({ head: head!, depth: depth! });
                setFrom(null);
              }}
            >
              {known.map(({ head, depth, arrivals }) => (
                <option key={`${head} ${depth}`} value={`${head} ${depth}`}>
                  {texts.option(head, depth, arrivals)}
                </option>
              ))}
            </select>
          </label>
          <span className="mono ellipsis grow">
            <Code text={shownText(program, loop.head)} />
          </span>
          {shown ? <Steps table={shown} columns={columns} go={setFrom} /> : null}
        </div>
      ) : null}
      {shown && loop && shown.loop.head === loop.head ? <Table table={shown} go={(to) => goToStep(asked, to, loop.head)} /> : null}
    </div>
  );
}

function Steps({ table, columns, go }: { table: RoundTable; columns: number; go: (from: number) => void }) {
  const { from, loop } = table;
  const to = from + table.columns.length;
  return (
    <span className="rounds-steps">
      <button type="button" className="button small" disabled={from === 0} onClick={() => go(0)}>
        {texts.first}
      </button>
      <button
        type="button"
        className="button square"
        aria-label={texts.earlier}
        disabled={from === 0}
        onClick={() => go(Math.max(0, from - columns))}
      >
        <ChevronLeft size={14} />
      </button>
      <span data-testid="rounds-shown">{texts.shown(from, to, loop.arrivals)}</span>
      <button
        type="button"
        className="button square"
        aria-label={texts.later}
        disabled={to >= loop.arrivals}
        onClick={() => go(from + columns)}
      >
        <ChevronRight size={14} />
      </button>
      <button type="button" className="button small" disabled={to >= loop.arrivals} onClick={() => go(loop.arrivals)}>
        {texts.last}
      </button>
    </span>
  );
}

/** A cell in as few signs as tell it: a number's bounds instead of all that the log says. */
function short({ text, min, max }: RoundCell): string {
  if (text === '') return texts.absent;
  if (min === undefined || max === undefined) return text;
  if (min === -(2n ** 63n) && max === 2n ** 63n - 1n) return texts.any;
  return min === max ? boundText(min) : texts.between(boundText(min), boundText(max));
}

function Table({ table, go }: { table: RoundTable; go: (step: number) => void }) {
  const { names, columns, at, from, same, compared, loop } = table;
  return (
    <div className="rounds-body">
      {names.length === 0 ? (
        <p className="muted">{texts.allSame}</p>
      ) : (
        <table className="rounds-table">
          <thead>
            <tr>
              <th scope="col" className="rounds-name">
                {texts.name}
              </th>
              {columns.map(({ step }, i) => (
                <th key={step} scope="col" aria-current={from + i === at ? 'step' : undefined}>
                  <button type="button" className="link" title={texts.roundAbout(from + i, step)} onClick={() => go(step)}>
                    {texts.round(from + i)}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map(({ frame, name }, row) => (
              <tr key={`${frame} ${name}`}>
                <th scope="row" className="mono rounds-name">
                  {paths.why.frame(frame, name)}
                </th>
                {columns.map(({ step, cells }, i) => {
                  const cell = cells[row]!;
                  const changed = i > 0 && columns[i - 1]!.cells[row]!.text !== cell.text;
                  return (
                    <td
                      key={step}
                      className={`mono ellipsis ${changed ? 'changed' : ''}`}
                      title={cell.text}
                      aria-current={from + i === at ? 'step' : undefined}
                    >
                      {changed ? <span className="visually-hidden">{texts.changed}</span> : null}
                      {short(cell)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="muted">{texts.same(same)}</p>
      {compared < loop.arrivals ? <p className="muted">{texts.compared(compared, loop.arrivals)}</p> : null}
    </div>
  );
}
