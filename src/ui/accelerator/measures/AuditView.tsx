import { useState } from 'react';
import { ask, useAccelerator } from '../../../workbench/accelerator.ts';
import type { AuditRow, AuditState } from '../../../workbench/accelerator-views.ts';
import { usePages } from '../../components/usePages.ts';
import { VirtualList } from '../../components/VirtualList.tsx';
import { accelerator } from '../../texts/accelerator.ts';
import { count, timeText } from '../format.ts';
import { useAsked } from '../useAsked.ts';

const { audit: texts } = accelerator;
const load = (from: number, to: number): Promise<readonly AuditRow[]> => ask('auditRows', { from, to });

/** The audit log as the host has it: each record holds the hash of the one before, so what is taken out shows. */
export function AuditView() {
  const version = useAccelerator((state) => state.snapshot?.version ?? 0);
  const { value, again } = useAsked<AuditState>('audit');
  const [active, setActive] = useState(-1);
  const row = usePages(`${version} ${value?.changes ?? 0} ${value?.total ?? 0}`, load);
  const act = (method: string, args: object = {}) => void ask(method, args).then(again);
  if (!value || (value.total === 0 && value.removed === 0)) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  const { total, removed, verdict } = value;
  return (
    <div className="accel-audit" data-testid="accel-audit">
      <div className="accel-bar">
        <button type="button" className="button bordered" title={texts.verifyAbout} onClick={() => act('auditVerify')}>
          {texts.verify}
        </button>
        <button
          type="button"
          className="button"
          disabled={active < 0 || active >= total}
          title={texts.removeAbout}
          onClick={() => act('auditRemove', { index: active })}
        >
          {active >= 0 ? texts.removeOne(active) : texts.remove}
        </button>
        <button type="button" className="button" disabled={removed === 0} onClick={() => act('auditRestore')}>
          {texts.restore}
        </button>
        <span className="muted">{texts.count(total, removed)}</span>
      </div>
      <p className="accel-pad" role="status" data-testid="accel-audit-verdict">
        {verdict === null ? (
          <span className="muted">{texts.unverified}</span>
        ) : (
          <span className={verdict.ok ? 'ok' : 'bad'}>
            {verdict.ok ? '✓' : '✕'} {verdict.message}
          </span>
        )}
      </p>
      <VirtualList
        label={texts.list}
        count={total}
        rowHeight={20}
        active={active}
        rowClass={(at) => (at === active ? 'selected' : '')}
        onActivate={setActive}
      >
        {(at) => {
          const known = row(at);
          return known ? (
            <div className="accel-audit-row">
              <span className="num">{count(known.number)}</span>
              <span className="num">{timeText(known.timeNs)}</span>
              <span className="ellipsis">{texts.what(known)}</span>
              <span className="mono ellipsis">{known.uuid}</span>
              <span className="mono ellipsis muted">{known.previous}</span>
            </div>
          ) : (
            <span className="muted accel-command-wait">…</span>
          );
        }}
      </VirtualList>
    </div>
  );
}
