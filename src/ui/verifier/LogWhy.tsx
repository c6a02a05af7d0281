import { useMemo, useState } from 'react';
import { codeOf } from '../../verifier/logfile/reason.ts';
import type { LogReport, ReportPlace } from '../../verifier/logfile/report.ts';
import { logStateAt } from '../../verifier/logfile/states.ts';
import type { LogStep } from '../../verifier/logfile/story.ts';
import { tellLog } from '../../verifier/logfile/told.ts';
import { type LogView, runOf } from '../../workbench/log-views.ts';
import { select } from '../../workbench/store.ts';
import { LogBeside } from '../log/LogBeside.tsx';
import { setCursor } from '../log/log-store.ts';
import { MessageLink } from '../messages/MessageLink.tsx';
import { why } from '../texts/why.ts';
import { Breakable } from './Breakable.tsx';
import { Story, type StoryItem } from './Story.tsx';
import './why.css';

function words({ kind, name, value, taken }: LogStep): string {
  if (kind === 'branch') return why.log.branch(taken === true, name, value);
  if (kind === 'called') return why.log.called(name);
  return kind === 'moved' ? why.log.copied(name, value) : why.log.made(name, value);
}

const ROLES = { made: 'made', moved: 'moved', called: 'made', branch: 'decision' } as const;

/** A rejection as the log tells it: the rule behind its message, and how the register at fault got its value, line by line. */
export function LogWhy({ log }: { log: LogView }) {
  const run = runOf(log);
  const told = useMemo(() => tellLog(log.bytes, log), [log]);
  const { reason, story: steps } = told;
  const [chosen, setChosen] = useState({ of: log.key, at: -1 });

  const go = (line: number) => {
    setCursor(log.key, line);
    const insn = log.insn[line] ?? -1;
    if (insn >= 0) select('insn', insn);
  };
  const goTo = ({ line, insn }: ReportPlace) => {
    setCursor(log.key, line);
    if (insn >= 0) select('insn', insn);
  };
  const entry = steps.map(
    (step): StoryItem => ({
      role: ROLES[step.kind],
      place: String(step.insn),
      code: step.code,
      text: words(step),
      detail: <Registers log={log} line={step.line} name={step.name} source={step.source} />,
    }),
  );
  const fault: StoryItem | null = reason?.insn
    ? {
        role: 'fault',
        place: String(log.insn[reason.insn.line]),
        code: codeOf(reason.insn.text),
        text: run.message ?? '',
        detail: <Registers log={log} line={reason.insn.line} name={reason.subject} />,
      }
    : null;
  const items = fault ? [...entry, fault] : entry;
  const places = [...steps.map(({ line }) => line), ...(reason?.insn ? [reason.insn.line] : [])];

  return (
    <div className="why" data-testid="log-why">
      {reason ? (
        <>
          <header className="why-head">
            <h2>{told.title || why.log.says}</h2>
            {reason.source ? <p className="muted mono">{reason.source.text.replace(/^;\s*/, '')}</p> : null}
          </header>
          <dl className="why-facts">
            {reason.known.map(({ name, text }) => (
              <div key={name} className="why-fact">
                <dt>{why.knownOf(name)}</dt>
                <dd className="mono">
                  <Breakable text={text} />
                </dd>
              </div>
            ))}
            {told.allowed ? (
              <div className="why-fact">
                <dt>{why.allowed}</dt>
                <dd>{told.allowed}</dd>
              </div>
            ) : null}
          </dl>
          {items.length > 0 ? (
            <Story
              title={why.log.story}
              items={items}
              chosen={chosen.of === log.key ? chosen.at : -1}
              onChoose={(at) => {
                setChosen({ of: log.key, at });
                go(places[at]!);
              }}
            />
          ) : null}
          {reason.subject !== '' && steps.length === 0 ? <p className="muted">{why.log.none}</p> : null}
          {told.why ? (
            <section className="why-section why-words">
              <h2>{why.rule}</h2>
              <p>
                {told.why} <MessageLink message={run.message ?? ''} />
              </p>
              <h2>{why.change}</h2>
              <p>{told.change}</p>
            </section>
          ) : (
            <p className="muted">{why.log.unruled}</p>
          )}
          {reason.report ? <Report report={reason.report} onGo={goTo} /> : null}
          <section className="why-section">
            <h2>{why.log.says}</h2>
            <ol className="why-story">
              {reason.lines.map(({ line, text }) => (
                <li key={line} className="why-item lost">
                  <button type="button" className="why-step why-line" onClick={() => go(line)}>
                    <span className="why-role">{why.log.line(line)}</span>
                    <span className="mono">{text}</span>
                  </button>
                </li>
              ))}
            </ol>
          </section>
        </>
      ) : (
        <p>{run.verdict === 'unknown' ? why.log.unknown(run.complete) : why.log.accepted}</p>
      )}
      <LogBeside log={log} />
      <p className="muted">{why.log.notVerified}</p>
    </div>
  );
}

/** What Linux 7.3 and later say themselves: their reason, the events on the way there, what they suggest. */
function Report({ report, onGo }: { report: LogReport; onGo: (place: ReportPlace) => void }) {
  const { category, problem, reason, at, path, notes, suggestion } = report;
  const places: readonly ReportPlace[] = at ? [...path, at] : path;
  return (
    <section className="why-section why-words" data-testid="log-report">
      <h2>{why.log.report}</h2>
      <p>
        <strong>
          {category}
          {problem ? `: ${problem}` : ''}
        </strong>
      </p>
      <p>{reason}</p>
      <ol className="why-story">
        {places.map((place) => (
          <li key={place.line} className={place === at ? 'why-item fault' : 'why-item made'}>
            <button type="button" className="why-step why-line" onClick={() => onGo(place)}>
              <span className="why-role">{place.insn >= 0 ? why.at(place.insn) : why.log.line(place.line)}</span>
              <span>
                <span className="mono">{place.source ? `${place.source.file}:${place.source.line} ${place.source.text}` : place.code}</span>
                <br />
                {place.label}: {place.text}
              </span>
            </button>
          </li>
        ))}
      </ol>
      {notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
      {suggestion ? <p>{why.log.suggests(suggestion)}</p> : null}
    </section>
  );
}

/** The registers behind a line, as the log knows them. */
function Registers({ log, line, name, source = '' }: { log: LogView; line: number; name: string; source?: string }) {
  const { rows } = useMemo(() => logStateAt(log.bytes, log, line), [log, line]);
  if (rows.length === 0 && source === '') return null;
  return (
    <>
      {source ? <p className="muted mono">{source}</p> : null}
      <p className="muted">{why.log.registers(line)}</p>
      <dl className="why-facts why-registers">
        {rows.map((row) => (
          <div key={row.name} className={row.name === name ? 'why-fact subject' : 'why-fact'}>
            <dt className="mono">{row.name}</dt>
            <dd className="mono">
              <Breakable text={row.text} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}
