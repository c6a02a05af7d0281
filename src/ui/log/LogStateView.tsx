import { useMemo, useState } from 'react';
import { logStateAt } from '../../verifier/logfile/states.ts';
import type { LogView } from '../../workbench/log-views.ts';
import type { StateRowView } from '../../workbench/views.ts';
import { log as texts } from '../texts/log.ts';
import { StateRow } from '../verifier/StateView.tsx';

/** The registers as the log knows them behind a line; what the line itself prints is marked. */
export function LogStateView({ log, line }: { log: LogView; line: number }) {
  const [bits, setBits] = useState(false);
  const state = useMemo(() => (line < 0 ? null : logStateAt(log.bytes, log, line)), [log, line]);
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
      <table className="state-table">
        <colgroup>
          <col className="state-name" />
          <col />
          <col className="state-bar" />
        </colgroup>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">{texts.state.columns.name}</th>
            <th scope="col">{texts.state.columns.text}</th>
            <th scope="col">{texts.state.columns.range}</th>
          </tr>
        </thead>
        <tbody>
          {state.rows.map(({ name, text, smin, smax, tnumValue, tnumMask, line: printed }) => {
            const row: StateRowView = {
              name,
              text,
              ...(smin === undefined ? {} : { smin: String(smin), smax: String(smax) }),
              ...(tnumValue === undefined ? {} : { tnumValue: String(tnumValue), tnumMask: String(tnumMask) }),
            };
            return <StateRow key={name} row={row} changed={printed === line} bits={bits} />;
          })}
        </tbody>
      </table>
      {state.partial ? <p className="muted log-partial">{texts.state.partial}</p> : null}
    </div>
  );
}
