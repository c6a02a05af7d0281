import { Pause, Play, RotateCcw, StepForward } from 'lucide-react';
import { useEffect, useState } from 'react';
import {
  begin,
  MOST_REQUESTS,
  reset,
  run,
  SPEEDS,
  send,
  setModel,
  setSpeed,
  setWorkload,
  step,
  stop,
  useAccelerator,
} from '../../../workbench/accelerator.ts';
import type { Snapshot, Workload } from '../../../workbench/accelerator-views.ts';
import { useWorkbench } from '../../../workbench/store.ts';
import { useCommandHandler } from '../../commands.ts';
import { Panel } from '../../components/Panel.tsx';
import { accelerator as texts } from '../../texts/accelerator.ts';
import { acceleratorPanels } from '../../texts/accelerator-panels.ts';
import { Fault } from '../Fault.tsx';
import { timeText } from '../format.ts';
import { NumberField } from '../NumberField.tsx';
import { Segments } from '../Segments.tsx';
import { Diagram } from './Diagram.tsx';
import { Parameters } from './Parameters.tsx';
import '../accelerator.css';

const toggle = () => (useAccelerator.getState().running ? stop() : void run());
const stepOne = () => void step();
const startAgain = () => {
  const { status, doing } = useAccelerator.getState();
  if (status === 'ready' && doing === null) void reset();
};

/** The simulated device: its clock, the requests that it is given, what goes on inside, and the figures that modelled time comes from. */
export default function DevicePanel() {
  const snapshot = useAccelerator((state) => state.snapshot);
  const status = useAccelerator((state) => state.status);
  const [view, setView] = useState<keyof typeof texts.views>('diagram');
  useCommandHandler('accel-device.run', toggle);
  useCommandHandler('accel-device.step', stepOne);
  useCommandHandler('accel-device.reset', startAgain);
  useEffect(() => {
    if (status === 'none') void begin();
  }, [status]);
  return (
    <Panel
      id="accel-device"
      title={acceleratorPanels.device.title}
      summary={<span title={texts.simulatedAbout}>{texts.simulated}</span>}
      actions={<Segments label={acceleratorPanels.device.title} names={texts.views} value={view} onChange={setView} />}
    >
      <Controls ready={snapshot !== null} />
      <Fault place="device" />
      {view === 'parameters' ? (
        <Parameters />
      ) : (
        <>
          {snapshot?.model ? <Requests model={snapshot.model} /> : null}
          {snapshot ? <Diagram snapshot={snapshot} /> : status === 'none' ? null : <p className="empty">{texts.loading}</p>}
          {snapshot ? <Summary snapshot={snapshot} /> : null}
        </>
      )}
    </Panel>
  );
}

function Controls({ ready }: { ready: boolean }) {
  const model = useAccelerator((state) => state.model);
  const running = useAccelerator((state) => state.running);
  const speed = useAccelerator((state) => state.speed);
  const busy = useAccelerator((state) => state.doing !== null);
  const source = useWorkbench((state) => state.history.doc.source);
  const open = source?.kind === 'model' ? source.blob.name : null;
  const { control } = texts;
  return (
    <div className="accel-bar" data-running={running ? '' : undefined}>
      <button type="button" className="button primary" disabled={!ready || busy} title={control.runAbout} onClick={toggle} data-first-focus>
        {running ? <Pause size={14} /> : <Play size={14} />} {running ? control.pause : control.run}
      </button>
      <button type="button" className="button bordered" disabled={!ready || busy || running} title={control.stepAbout} onClick={stepOne}>
        <StepForward size={14} /> {control.step}
      </button>
      <label className="accel-label" title={control.speedAbout}>
        <span className="muted">{control.speed}</span>
        <select
          className="field"
          value={String(speed)}
          onChange={({ target }) => setSpeed(target.value === 'null' ? null : Number(target.value))}
        >
          {SPEEDS.map((each) => (
            <option key={each} value={String(each)}>
              {control.speeds(each, timeText(each ?? 0))}
            </option>
          ))}
        </select>
      </label>
      <button type="button" className="button" disabled={!ready || busy} title={control.resetAbout} onClick={() => void reset()}>
        <RotateCcw size={14} /> {control.reset}
      </button>
      <span className="grow" />
      <label className="accel-label">
        <span className="muted">{control.model}</span>
        <select className="field" value={model} disabled={busy} onChange={({ target }) => void setModel(target.value as 'sample' | 'open')}>
          <option value="sample">{control.sample}</option>
          <option value="open" disabled={open === null}>
            {open === null ? control.noOpen : control.open(open)}
          </option>
        </select>
      </label>
    </div>
  );
}

function Requests({ model }: { model: NonNullable<Snapshot['model']> }) {
  const workload = useAccelerator((state) => state.workload);
  const busy = useAccelerator((state) => state.doing !== null);
  const { request } = texts;
  const field = (name: 'requests' | 'tenants' | 'tokens' | 'perSecond' | 'rows', label: string, max: number, title = label) => (
    // biome-ignore lint/a11y/noLabelWithoutControl: the field is the control
    <label className="accel-label" title={title}>
      <span className="muted">{label}</span>
      <NumberField
        label={title}
        value={workload[name]}
        min={1}
        max={max}
        whole
        bad={request.bad(1, max)}
        className="accel-small"
        onChange={(value) => setWorkload({ [name]: value })}
      />
    </label>
  );
  return (
    <form
      className="accel-bar accel-requests"
      aria-label={request.title}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {field('requests', request.requests, MOST_REQUESTS)}
      {field('tenants', request.tenants, 64)}
      {field('tokens', request.tokens, 4096)}
      {field('perSecond', request.rate, 1e9)}
      {field('rows', request.rows, model.mostRows, request.rowsAbout)}
      <label className="accel-label">
        <span className="muted">{request.provenance}</span>
        <select
          className="field"
          value={workload.provenance}
          onChange={({ target }) => setWorkload({ provenance: target.value as Workload['provenance'] })}
        >
          {Object.entries(request.provenances).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="button bordered" disabled={busy} title={request.sendAbout}>
        {request.send}
      </button>
    </form>
  );
}

/** The diagram in words, told when the clock stands. */
function Summary({ snapshot }: { snapshot: Snapshot }) {
  const running = useAccelerator((state) => state.running);
  const { commands, passes, cores, units, queued, nowNs } = snapshot;
  return (
    <p className="visually-hidden" role="status">
      {running
        ? texts.runningNow
        : [
            texts.diagram.clock(timeText(nowNs)),
            texts.diagram.counts(texts.diagram.passes, passes),
            texts.diagram.counts(texts.diagram.commands, commands),
            texts.diagram.queued(queued),
            texts.diagram.cores(cores.busy.length, cores.total),
            texts.diagram.busyUnits(units.atWork, units.total),
          ].join('. ')}
    </p>
  );
}
