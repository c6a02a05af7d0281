import { Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { connect, giveToken, useKernel } from '../../workbench/kernel.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { kernelPanel } from '../texts/kernel-panel.ts';
import { MachineView } from './MachineView.tsx';
import { MapsView } from './MapsView.tsx';
import { MatrixView } from './MatrixView.tsx';
import { ReplayView } from './ReplayView.tsx';
import { RunView } from './RunView.tsx';
import { useAnswers, type View } from './store.ts';
import { VerdictView } from './VerdictView.tsx';
import './kernel.css';

const VIEWS = Object.keys(texts.views) as View[];
const SHOWN = { verdict: VerdictView, run: RunView, replay: ReplayView, matrix: MatrixView, maps: MapsView, machine: MachineView };

/** What the user's own kernel says, where the companion served this page. */
export default function KernelPanel() {
  const { status, hello, error } = useKernel();
  const view = useAnswers((state) => state.view);
  const program = useWorkbench((state) => state.stages.program.value);
  useEffect(() => void connect(), []);
  const Shown = SHOWN[view];
  const isProgram = program !== null && !program.fromLog;
  return (
    <Panel id="kernel" title={kernelPanel.title} summary={hello && status === 'connected' ? texts.on(hello.release) : null}>
      <div className="kernel-panel" data-testid="kernel" data-status={status}>
        {status === 'none' ? <Start /> : null}
        {status === 'connecting' ? <Progress progress={null} label={texts.connecting} /> : null}
        {status === 'lost' ? (
          <>
            <ErrorNote error={error ?? texts.lost} actions={[{ title: texts.retry, run: () => void connect() }]} />
            <Token />
          </>
        ) : null}
        {hello && hello.limits !== '' ? <ErrorNote tone="warning" error={texts.limited(hello.limits)} /> : null}
        {hello ? (
          <>
            <div className="segments kernel-views">
              {VIEWS.map((one) => (
                <button
                  key={one}
                  type="button"
                  className="segment"
                  aria-pressed={view === one}
                  title={texts.viewsAbout[one]}
                  onClick={() => useAnswers.setState({ view: one })}
                >
                  {texts.views[one]}
                </button>
              ))}
            </div>
            {isProgram || view === 'machine' ? <Shown /> : <p className="kernel-pad muted">{texts.noProgram}</p>}
          </>
        ) : null}
      </div>
    </Panel>
  );
}

function Start() {
  return (
    <div className="kernel-start">
      <strong>{texts.start.title}</strong>
      <p>{texts.start.about}</p>
      <Command text={texts.command} />
      <p className="muted">{texts.start.remote}</p>
      <Command text={texts.start.remoteCommand} />
      {['127.0.0.1', 'localhost'].includes(location.hostname) ? (
        <>
          <p className="muted">{texts.start.local}</p>
          <Token />
        </>
      ) : null}
    </div>
  );
}

function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="kernel-command">
      <code>{text}</code>
      <button
        type="button"
        className="button square"
        aria-label={`${texts.start.copy}: ${text}`}
        title={texts.start.copy}
        onClick={() => void navigator.clipboard?.writeText(text).then(() => setCopied(true))}
      >
        <Copy size={14} />
      </button>
      <span className="small muted" role="status">
        {copied ? texts.start.copied : ''}
      </span>
    </div>
  );
}

function Token() {
  const [token, setToken] = useState('');
  const { running, error, run } = useTask();
  const give = useStable(
    () =>
      void run(
        () => giveToken(token),
        () => setToken(''),
      ),
  );
  return (
    <form
      className="kernel-token"
      onSubmit={(event) => {
        event.preventDefault();
        give();
      }}
    >
      <input
        className="field grow"
        aria-label={texts.start.token}
        placeholder={texts.start.token}
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <button type="submit" className="button bordered" disabled={running || token === ''}>
        {texts.start.connect}
      </button>
      {error ? <ErrorNote error={error} /> : null}
    </form>
  );
}
