import { useMemo, useState } from 'react';
import { logStateAt } from '../../verifier/logfile/states.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { log as texts } from '../texts/log.ts';
import { ValueRows } from '../verifier/ValueRows.tsx';

/** The registers as the log knows them behind a line; what the line itself prints is marked. */
export function LogStateView({ log, line }: { log: LogView; line: number }) {
  const [bits, setBits] = useState(false);
  const state = useMemo(() => (line < 0 ? null : logStateAt(log.bytes, log, line)), [log, line]);
  const rows = useMemo(() => state?.rows.map((row) => ({ ...row, frame: 0 })) ?? [], [state]);
  const printed = useMemo(() => new Set(state?.rows.filter((row) => row.line === line).map(({ name }) => name)), [state, line]);
  if (!state) return <p className="empty">{texts.state.none}</p>;
  return (
    <div className="state" data-testid="log-state">
      <div className="state-head">
        <span className="grow ellipsis">
          {texts.state.title(line)}
          {state.frame > 0 ? <span className="muted">{texts.state.frame(state.frame)}</span> : null}
        </span>
        <button type="button" className="button small" aria-pressed={bits} onClick={() => setBits(!bits)}>
          {texts.state.bits}
        </button>
      </div>
      {state.rows.length === 0 ? <p className="empty">{texts.state.nothing}</p> : null}
      <ValueRows rows={rows} changed={({ name }) => printed.has(name)} since={texts.state.printed} bits={bits} />
      {state.partial ? <p className="muted log-partial">{texts.state.partial}</p> : null}
    </div>
  );
}
