import { type ReactNode, useMemo, useState } from 'react';
import { defUse, lineBefore, lineBehind, otherSides, roundsAt } from '../../verifier/logfile/along.ts';
import { LINE, lineText } from '../../verifier/logfile/lines.ts';
import { codeOf } from '../../verifier/logfile/reason.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { Code } from '../program/Code.tsx';
import { logPath as texts } from '../texts/log-path.ts';
import { Breakable } from '../verifier/Breakable.tsx';
import { goToLine } from './go.ts';
import { visitOf } from './rows.ts';

/** Visits of an instruction that stand side by side. */
const COLUMNS = 4;

/** Around an instruction's line: the way the verifier came and goes on, where values come from and go to, and its visits side by side. */
export function LogPath({ log, line }: { log: LogView; line: number }) {
  const isInsn = log.kind[line] === LINE.insn;
  const around = useMemo(
    () =>
      isInsn
        ? {
            before: lineBefore(log.bytes, log, line),
            behind: lineBehind(log.bytes, log, line),
            sides: otherSides(log, log.bytes, line),
            values: defUse(log.bytes, log, line),
          }
        : null,
    [log, line, isInsn],
  );
  if (!around) return null;
  const { before, behind, sides, values } = around;
  const defined = values.definedAt.filter(({ line: at }) => at >= 0);
  const used = values.usedAt.filter(({ lines }) => lines.length > 0);
  return (
    <div className="log-path-view" data-testid="log-path">
      <section>
        <h2>{texts.path}</h2>
        <ul>
          {before >= 0 ? <Way log={log} line={before} label={texts.before} /> : <li className="muted">{texts.begins}</li>}
          {behind >= 0 ? <Way log={log} line={behind} label={texts.behind} /> : <li className="muted">{texts.ends}</li>}
          {sides.map((side) => (
            <Way key={side} log={log} line={side} label={texts.side} />
          ))}
        </ul>
      </section>
      {defined.length > 0 ? (
        <section>
          <h2>{texts.from}</h2>
          <ul>
            {defined.map(({ name, line: at }) => (
              <Way key={name} log={log} line={at} label={name} />
            ))}
          </ul>
        </section>
      ) : null}
      {used.length > 0 ? (
        <section>
          <h2>{texts.to}</h2>
          <ul>
            {used.flatMap(({ name, lines }) =>
              lines.slice(0, 8).map((at) => <Way key={`${name} ${at}`} log={log} line={at} label={name} />),
            )}
          </ul>
        </section>
      ) : null}
      <Visits log={log} line={line} />
    </div>
  );
}

/** A line to go to, with its instruction. */
function Way({ log, line, label }: { log: LogView; line: number; label: ReactNode }) {
  const text = lineText(log.bytes, log, line).trim();
  return (
    <li>
      <button type="button" className="log-way" onClick={() => goToLine(log, line)}>
        <span className="muted">{label}</span>
        <span className="mono ellipsis">{log.kind[line] === LINE.insn ? <Code text={codeOf(text)} /> : text}</span>
        <span className="muted">{texts.line(line)}</span>
      </button>
    </li>
  );
}

/** The visits of an instruction around this one: what does not hold the same on all of them. */
function Visits({ log, line }: { log: LogView; line: number }) {
  const [open, setOpen] = useState(false);
  const visit = visitOf(log, line);
  const insn = visit?.insn ?? -1;
  const first = Math.max(0, Math.min((visit?.at ?? 0) - 1, (visit?.visits ?? 0) - COLUMNS));
  const table = useMemo(() => (open && insn >= 0 ? roundsAt(log.bytes, log, insn, first, COLUMNS) : null), [open, log, insn, first]);
  if (!visit || visit.visits < 2) return null;
  return (
    <section>
      <h2>
        <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
          {texts.visits(visit.visits)}
        </button>
      </h2>
      {table ? (
        <div className="log-rounds">
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <span className="visually-hidden">{texts.register}</span>
                </th>
                {table.rounds.map((round, i) => (
                  <th key={round.line} scope="col" aria-current={round.line === line ? 'true' : undefined}>
                    <button type="button" className="link" onClick={() => goToLine(log, round.line)}>
                      {texts.visit(table.first + i)}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.names.map((name, row) => (
                <tr key={name}>
                  <th scope="row" className="mono">
                    {name}
                  </th>
                  {table.rounds.map((round) => (
                    <td key={round.line} className="mono">
                      <Breakable text={round.values[row] || texts.unknown} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {table.names.length === 0 ? <p className="muted">{texts.alike}</p> : null}
        </div>
      ) : null}
    </section>
  );
}
