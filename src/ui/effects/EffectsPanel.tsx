import { useState } from 'react';
import { type Effects, redirectText } from '../../replay/effects.ts';
import { canRecord, effectsKey, recordEffects, saveSent, useEffects } from '../../workbench/effects.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { effects as texts } from '../texts/effects.ts';
import { effectsPanel } from '../texts/effects-panel.ts';
import CostView from './CostView.tsx';
import { MapsView } from './MapsView.tsx';
import './effects.css';

type View = keyof typeof texts.views;
const VIEWS = Object.keys(texts.views) as View[];
const ROW_HEIGHT = 20;

/** What a program does beside deciding, over a whole trace. */
export default function EffectsPanel() {
  const able = useWorkbench(canRecord);
  const present = useWorkbench(effectsKey);
  const { key, effects } = useEffects();
  const { progress, running, error, run, cancel } = useTask();
  const [view, setView] = useState<View>('sent');
  const record = () => void run(recordEffects, (recorded) => useEffects.setState(recorded));
  const own = effects !== null && key === present;
  return (
    <Panel id="effects" title={effectsPanel.title} summary={own ? texts.summary(effects.events) : null}>
      {error ? <ErrorNote error={error} /> : null}
      {running ? <Progress progress={progress} label={texts.working} onCancel={cancel} /> : null}
      {own ? (
        <div className={running ? 'stage-body stale' : 'stage-body'} data-testid="effects" data-events={effects.events}>
          <div className="effects-tools">
            <div className="segments">
              {VIEWS.map((one) => (
                <button key={one} type="button" className="segment" aria-pressed={view === one} onClick={() => setView(one)}>
                  {one === 'maps' || one === 'cost'
                    ? texts.views[one]
                    : texts.counted(texts.views[one], effects[one].length + effects.leftOut[one])}
                </button>
              ))}
            </div>
            <button type="button" className="button bordered small" disabled={!able || running} title={texts.recordAbout} onClick={record}>
              {texts.again}
            </button>
          </div>
          {view === 'sent' ? (
            <Sent effects={effects} />
          ) : view === 'messages' ? (
            <Messages effects={effects} />
          ) : view === 'cost' && effects.costs ? (
            <CostView costs={effects.costs} />
          ) : (
            <MapsView effects={effects} />
          )}
        </div>
      ) : running ? null : (
        <div className="empty">
          <strong>{texts.empty.title}</strong>
          <p>{texts.empty.text}</p>
          {able ? (
            <button type="button" className="button bordered" onClick={record}>
              {texts.record}
            </button>
          ) : (
            <p>{texts.empty.needs}</p>
          )}
        </div>
      )}
    </Panel>
  );
}

const usePacket = (): number => useWorkbench((state) => (state.selection?.kind === 'packet' ? Number(state.selection.id) : -1));

function Sent({ effects }: { effects: Effects }) {
  const packet = usePacket();
  const { sent, leftOut } = effects;
  if (sent.length === 0) return <p className="empty">{texts.noSent}</p>;
  const active = sent.findIndex(({ event }) => event === packet);
  return (
    <>
      <div className="effects-tools">
        <button type="button" className="button bordered small" onClick={() => saveSent(effects)}>
          {texts.save}
        </button>
        {leftOut.sent > 0 ? <span className="muted">{texts.left(leftOut.sent)}</span> : null}
      </div>
      <VirtualList
        label={texts.sentList}
        count={sent.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        rowClass={(at) => (at === active ? 'selected' : '')}
        onActivate={(at) => select('packet', sent[at]!.event)}
      >
        {(at) => {
          const { event, verdict, redirect, data, metadata, rewritten } = sent[at]!;
          return (
            <div className="effects-row">
              <span>{texts.packet(event)}</span>
              <strong>{verdict}</strong>
              <span className="ellipsis">{redirect ? redirectText(redirect) : ''}</span>
              <span className="muted ellipsis">
                {[texts.bytes(data.length), rewritten && texts.rewritten, metadata.length > 0 && texts.metadata(metadata.length)]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </div>
          );
        }}
      </VirtualList>
    </>
  );
}

function Messages({ effects: { messages, leftOut } }: { effects: Effects }) {
  const packet = usePacket();
  if (messages.length === 0) return <p className="empty">{texts.noMessages}</p>;
  const active = messages.findIndex(({ event }) => event === packet);
  return (
    <>
      {leftOut.messages > 0 ? <p className="effects-tools muted">{texts.left(leftOut.messages)}</p> : null}
      <VirtualList
        label={texts.messageList}
        count={messages.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        rowClass={(at) => (at === active ? 'selected' : '')}
        onActivate={(at) => select('packet', messages[at]!.event)}
      >
        {(at) => {
          const { event, what } = messages[at]!;
          return (
            <div className="effects-row">
              <span>{texts.packet(event)}</span>
              <strong>{what.kind === 'printk' ? what.kind : what.map}</strong>
              <span className="mono ellipsis">{what.kind === 'printk' ? what.text : hex(what.data)}</span>
            </div>
          );
        }}
      </VirtualList>
    </>
  );
}

/** So many bytes of a record are written out. */
const MOST_BYTES = 64;
const hex = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, MOST_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ') +
  (bytes.length > MOST_BYTES ? ' …' : '');
