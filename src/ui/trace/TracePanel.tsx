import { SlidersHorizontal } from 'lucide-react';
import { Suspense, useState } from 'react';
import { formatCount, liveDone } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { part } from '../components/part.tsx';
import { StageGate } from '../components/StageGate.tsx';
import { trace as texts } from '../texts/trace.ts';
import { BytesView } from './BytesView.tsx';
import { PacketList } from './PacketList.tsx';
import './trace.css';

const CallTrace = part(() => import('../calls/CallTrace.tsx').then((module) => ({ default: module.CallTrace })));
const TensorList = part(() => import('./TensorList.tsx').then((module) => ({ default: module.TensorList })));
const TensorView = part(() => import('./TensorView.tsx').then((module) => ({ default: module.TensorView })));
const ReplayBar = part(() => import('./ReplayBar.tsx'));
const BindingForm = part(() => import('./BindingForm.tsx').then((module) => ({ default: module.BindingForm })));

/** The events of the trace with what the program and the reference decide about each, and one event in full. */
export function TracePanel() {
  const trace = useWorkbench((state) => state.stages.trace.value);
  const replay = useWorkbench((state) => state.stages.replay);
  const cursor = useWorkbench((state) => state.cursors.packet);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const traced = useWorkbench((state) => state.history.doc.trace !== null);
  // Another file with the same contents is the same trace under its own name.
  const file = useWorkbench(
    ({ stages, history: { doc } }) => (stages.trace.stale ? null : doc.trace?.name) ?? stages.trace.value?.file ?? '',
  );
  const [form, setForm] = useState(false);
  const at = trace ? Math.min(trace.count - 1, cursor === undefined ? 0 : Number(cursor)) : -1;
  const done = replay.value ? liveDone(replay.value) : 0;

  return (
    <Panel
      id="trace"
      title={texts.title}
      summary={
        trace ? (
          <>
            {texts.summary(file, formatCount(trace.count), trace.kind)}
            <span data-testid="replayed" data-done={replay.stale ? 0 : done}>
              {texts.replayed(formatCount(done))}
            </span>
          </>
        ) : null
      }
      actions={
        <button type="button" className="button" disabled={!binding} aria-pressed={form} onClick={() => setForm(!form)}>
          <SlidersHorizontal size={14} /> {texts.bindingButton}
        </button>
      }
    >
      {form && binding ? (
        <Suspense>
          <BindingForm packet={at} onClose={() => setForm(false)} />
        </Suspense>
      ) : null}
      {traced ? (
        <Suspense>
          <ReplayBar />
        </Suspense>
      ) : null}
      <StageGate
        name="trace"
        empty={
          <div className="empty">
            <strong>{texts.empty.title}</strong>
            <p>{texts.empty.text}</p>
          </div>
        }
      >
        {replay.error ? <ErrorNote error={replay.error} /> : null}
        {trace?.warning ? <ErrorNote tone="warning" error={trace.warning} /> : null}
        {trace?.kind === 'packets' ? (
          <div className="trace-split">
            <PacketList trace={trace} at={at} />
            {at >= 0 ? <BytesView trace={trace} packet={at} /> : null}
          </div>
        ) : trace?.kind === 'calls' ? (
          <Suspense>
            <CallTrace trace={trace} at={at} />
          </Suspense>
        ) : trace ? (
          <div className="trace-split">
            <Suspense>
              <TensorList trace={trace} at={at} />
              {at >= 0 ? <TensorView trace={trace} at={at} /> : null}
            </Suspense>
          </div>
        ) : null}
      </StageGate>
    </Panel>
  );
}
