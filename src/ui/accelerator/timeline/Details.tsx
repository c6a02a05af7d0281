import { useEffect, useState } from 'react';
import { ask } from '../../../workbench/accelerator.ts';
import type { CommandDetail, TensorView } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { hexOf } from '../bytes.ts';
import { bytesText, count, timeText } from '../format.ts';
import { useLatest } from '../useLatest.ts';

const { details: texts } = accelerator;

/** One command: what programs see of it, what they did, and its tensors as the host can read them. */
export function Details({ seq, version }: { seq: number | null; version: number }) {
  const [detail, setDetail] = useState<CommandDetail | null>(null);
  const load = useLatest(async () => setDetail(seq === null ? null : await ask<CommandDetail | null>('command', { seq })));
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks anew for each of these
  useEffect(load, [load, seq, version]);
  if (seq === null || !detail) return <p className="empty accel-details">{texts.none}</p>;
  const { row, runs, tensors, fields } = detail;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too
    <section className="accel-details" aria-label={texts.label(row.seq)} tabIndex={0} data-testid="accel-details">
      <h2>{texts.title(row.seq, row.label)}</h2>
      <p className="muted">{texts.of(row.request, row.tenant, row.token, row.layer)}</p>
      <h3>{texts.runs(runs.length)}</h3>
      {runs.length === 0 ? <p className="muted">{texts.noRuns}</p> : null}
      {runs.length > 0 ? (
        <table className="accel-table">
          <thead>
            <tr>
              <th scope="col">{texts.program}</th>
              <th scope="col">{texts.verdict}</th>
              <th scope="col" className="num">
                {texts.insns}
              </th>
              <th scope="col" className="num">
                {texts.time}
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map(({ program, hook, value, insns, ns, calls }, at) => (
              <tr key={at}>
                <th scope="row">
                  {program} <span className="muted">{hook}</span>
                  {calls.map((call) => (
                    <div key={call.name} className="small muted accel-call">
                      {texts.call(call.name, call.calls, bytesText(call.bytes))}
                    </div>
                  ))}
                </th>
                <td className={value < 0 ? 'bad' : value > 0 ? 'warn' : 'ok'}>{texts.value(hook, value)}</td>
                <td className="num">{count(insns)}</td>
                <td className="num">{timeText(ns)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      <h3>{texts.tensors}</h3>
      {tensors.map((tensor, at) => (
        <Tensor key={at} tensor={tensor} />
      ))}
      <h3>{texts.context}</h3>
      <dl className="kv accel-fields mono">
        {fields.map(({ name, text, doc }) => (
          <div key={name} title={doc}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Tensor({ tensor: { name, role, dtype, dims, bytes, addr, sealed, signed, digest, head } }: { tensor: TensorView }) {
  return (
    <div className="accel-tensor">
      <p>
        <strong className="accel-wrap">{name}</strong>{' '}
        <span className="muted">{texts.tensor(role, dtype, dims, bytesText(bytes), addr)}</span>{' '}
        {sealed ? <span className="ok">{texts.sealed}</span> : <span className="muted">{texts.clear}</span>}{' '}
        {signed ? <span className="ok">{texts.signed}</span> : null}
      </p>
      <p className="mono accel-bytes">{hexOf(head)}</p>
      <p className="small muted">{digest ? texts.digest(digest) : texts.noDigest}</p>
    </div>
  );
}
