import { useRef } from 'react';
import { ask, selectCommand, useAccelerator } from '../../../workbench/accelerator.ts';
import type { CommandRow } from '../../../workbench/accelerator-views.ts';
import { Panel } from '../../components/Panel.tsx';
import { usePages } from '../../components/usePages.ts';
import { VirtualList } from '../../components/VirtualList.tsx';
import { accelerator } from '../../texts/accelerator.ts';
import { acceleratorPanels } from '../../texts/accelerator-panels.ts';
import { count, timeText } from '../format.ts';
import { Details } from './Details.tsx';
import { Timeline } from './Timeline.tsx';
import '../accelerator.css';

const { timeline: texts } = accelerator;
const ROW_HEIGHT = 20;

/** Every command on the device's clock, with what its programs cost beside what the units did. */
export default function TimelinePanel() {
  const snapshot = useAccelerator((state) => state.snapshot);
  const selected = useAccelerator((state) => state.selected);
  const rows = snapshot?.rows ?? 0;
  const version = snapshot?.version ?? 0;
  const row = usePages(`${version}`, loadRows);
  const shown = useRef(new Map<number, CommandRow>());
  return (
    <Panel id="accel-timeline" title={acceleratorPanels.timeline.title} summary={rows > 0 ? texts.summary(rows) : null}>
      {rows === 0 ? (
        <div className="empty">
          <strong>{texts.empty.title}</strong>
          <p>{texts.empty.text}</p>
        </div>
      ) : (
        <div className="accel-timeline-panel">
          <Timeline />
          <div className="accel-split">
            <div className="accel-commands">
              <div className="accel-command-row accel-head small" aria-hidden="true">
                {texts.columns.map((name, at) => (
                  <span key={name} className={at >= 4 ? 'num' : ''}>
                    {name}
                  </span>
                ))}
              </div>
              <VirtualList
                label={texts.list}
                count={rows}
                rowHeight={ROW_HEIGHT}
                active={selected ?? -1}
                rowClass={(at) => (at === selected ? 'selected' : '')}
                rowLabel={(at) => {
                  const known = row(at) ?? shown.current.get(at);
                  return known ? texts.rowLabel(known, timeText(known.hookNs), timeText(known.computeNs)) : texts.rowWaits(at);
                }}
                onActivate={selectCommand}
              >
                {(at) => {
                  const known = row(at) ?? shown.current.get(at);
                  // While new rows come, those on show stay.
                  if (known) shown.current.set(at, known);
                  return known ? <Row row={known} /> : <span className="muted accel-command-wait">…</span>;
                }}
              </VirtualList>
            </div>
            <Details seq={selected} version={version} />
          </div>
        </div>
      )}
    </Panel>
  );
}

const loadRows = (from: number, to: number): Promise<readonly CommandRow[]> => ask('rows', { from, to });

function Row({ row }: { row: CommandRow }) {
  const { seq, label, request, tenant, hookNs, computeNs, state, errno } = row;
  return (
    <div className="accel-command-row">
      <span className="muted">{count(seq)}</span>
      <span className="ellipsis" title={label}>
        {label}
      </span>
      <span className="muted ellipsis">{texts.asked(request, tenant)}</span>
      <span className={state === 'aborted' ? 'bad ellipsis' : state === 'done' ? 'ok ellipsis' : 'muted ellipsis'}>
        {texts.states[state]} {errno < 0 ? texts.errno(errno) : ''}
      </span>
      <span className="num">{timeText(hookNs)}</span>
      <span className="num">{timeText(computeNs)}</span>
      <Share hook={hookNs} compute={computeNs} />
    </div>
  );
}

/** Hook time and compute time as parts of one bar. */
function Share({ hook, compute }: { hook: number; compute: number }) {
  const total = hook + compute;
  return (
    <span className="accel-share" aria-hidden="true">
      {total > 0 ? <span style={{ width: `${(hook / total) * 100}%` }} /> : null}
    </span>
  );
}
