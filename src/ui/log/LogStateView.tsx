import { useMemo, useState } from 'react';
import { statesAround } from '../../verifier/logfile/along.ts';
import { LINE } from '../../verifier/logfile/lines.ts';
import { logStateAt } from '../../verifier/logfile/states.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { log as texts } from '../texts/log.ts';
import { logPath } from '../texts/log-path.ts';
import { ValueRows } from '../verifier/ValueRows.tsx';
import { LogPath } from './LogPath.tsx';

/** The registers as the log knows them behind a line; what the line itself prints is marked. */
export function LogStateView({ log, line }: { log: LogView; line: number }) {
  const [bits, setBits] = useState(false);
  const [before, setBefore] = useState(false);
  const isInsn = line >= 0 && log.kind[line] === LINE.insn;
  const around = useMemo(() => (isInsn ? statesAround(log.bytes, log, line) : null), [log, line, isInsn]);
  const state = useMemo(() => (line < 0 ? null : logStateAt(log.bytes, log, line)), [log, line]);
  const isBefore = before && around !== null;
  const rows = useMemo(
    () => (isBefore ? around.before : (state?.rows ?? [])).map((row) => ({ ...row, frame: 0 })),
    [state, around, isBefore],
  );
  const printed = useMemo(() => new Set(state?.rows.filter((row) => row.line === line).map(({ name }) => name)), [state, line]);
  if (!state) return <p className="empty">{texts.state.none}</p>;
  return (
    <div className="state" data-testid="log-state">
      <div className="state-head">
        <span className="grow ellipsis">
          {texts.state.title(line)}
          {state.frame > 0 ? <span className="muted">{texts.state.frame(state.frame)}</span> : null}
        </span>
        {around ? (
          <fieldset className="segmented" aria-label={logPath.when.label}>
            <button type="button" className="button small" aria-pressed={before} onClick={() => setBefore(true)}>
              {logPath.when.before}
            </button>
            <button type="button" className="button small" aria-pressed={!before} onClick={() => setBefore(false)}>
              {logPath.when.behind}
            </button>
          </fieldset>
        ) : null}
        <button type="button" className="button small" aria-pressed={bits} onClick={() => setBits(!bits)}>
          {texts.state.bits}
        </button>
      </div>
      {rows.length === 0 ? <p className="empty">{texts.state.nothing}</p> : null}
      <ValueRows
        rows={rows}
        changed={({ name }) => (isBefore ? around.changed.has(name) : printed.has(name))}
        since={isBefore ? logPath.when.changes : texts.state.printed}
        bits={bits}
      />
      {state.partial ? <p className="muted log-partial">{texts.state.partial}</p> : null}
      <LogPath log={log} line={line} />
    </div>
  );
}
