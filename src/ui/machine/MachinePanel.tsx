import {
  ArrowDownToDot,
  ArrowRightToLine,
  ArrowUpFromDot,
  ChevronLeft,
  ChevronRight,
  Crosshair,
  type LucideIcon,
  Pause,
  Play,
  RedoDot,
  Rewind,
  RotateCcw,
  UndoDot,
} from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { toggleBreakpoint, useBreakpoints } from '../../workbench/breakpoints.ts';
import { act, pauseMachine, restartMachine, setFollow, useMachine } from '../../workbench/machine.ts';
import type { MachineAction, MachineReason, MachineView } from '../../workbench/machine-views.ts';
import { nodeEntries } from '../../workbench/node-entries.ts';
import { resume } from '../../workbench/pipeline.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useWidth } from '../components/useWidth.ts';
import { Code } from '../program/Code.tsx';
import { insnText } from '../program/decode.ts';
import { useStable } from '../program/useStable.ts';
import { machine as texts } from '../texts/machine.ts';
import { machinePanel } from '../texts/machine-panel.ts';
import Playback from '../touch/Playback.tsx';
import { hexBytes } from './format.ts';
import { MapsView } from './MapsView.tsx';
import { MemoryView } from './MemoryView.tsx';
import { Registers } from './Registers.tsx';
import { StackView } from './StackView.tsx';
import { Stops, stopName } from './Stops.tsx';
import { TensorsView } from './TensorsView.tsx';
import { Timeline } from './Timeline.tsx';
import { useMachineHere } from './useMachineHere.ts';
import './machine.css';

const TABS = ['registers', 'stack', 'memory', 'maps', 'tensors', 'stops', 'output'] as const;
type TabId = (typeof TABS)[number];

/** Without them no program is computed here, whatever came with the site. */
const BEFORE_PROGRAM = ['model', 'calibration', 'c', 'program'] as const;

/** One event of the program under the debugger. */
export function MachinePanel() {
  const { ref, width } = useWidth();
  const program = useWorkbench((state) => state.stages.program.value);
  const { view: shown, status, progress, error, session, event, lost, fresh, stale } = useMachineHere(width > 0);
  // Of what a program is made of one was stopped, and nothing goes on without it.
  const stopped = useWorkbench(({ stages }) => BEFORE_PROGRAM.some((name) => stages[name].status === 'cancelled'));

  const run = (action: MachineAction) => void act(action);
  const toggleRun = useStable(() => {
    if (status === 'running') pauseMachine();
    else run({ kind: 'continue' });
  });
  useCommandHandler('machine.continue', toggleRun);
  useCommandHandler(
    'machine.reverse',
    useStable(() => run({ kind: 'reverse' })),
  );
  useCommandHandler(
    'machine.into',
    useStable(() => run({ kind: 'into' })),
  );
  useCommandHandler(
    'machine.over',
    useStable(() => run({ kind: 'over' })),
  );
  useCommandHandler(
    'machine.out',
    useStable(() => run({ kind: 'out' })),
  );
  useCommandHandler(
    'machine.back',
    useStable(() => run({ kind: 'back' })),
  );
  useCommandHandler(
    'machine.restart',
    useStable(() => void restartMachine()),
  );
  useCommandHandler(
    'machine.runTo',
    useStable(() => {
      const insns = program ? selectedInsns(program) : [];
      if (insns.length > 0) run({ kind: 'runTo', insns });
    }),
  );
  useCommandHandler(
    'machine.follow',
    useStable(() => setFollow(!useMachine.getState().follow)),
  );
  useCommandHandler(
    'machine.breakpoint',
    useStable(() => {
      const insn = useWorkbench.getState().cursors.insn;
      if (insn !== undefined) toggleBreakpoint(Number(insn));
    }),
  );

  return (
    <Panel id="machine" title={machinePanel.title} summary={shown ? texts.summary(shown.step, shown.length) : null}>
      <div ref={ref} />
      {program === null || program.fromLog ? (
        <div className="empty">
          <strong>{program ? texts.logTitle : texts.emptyTitle}</strong>
          <p>{program ? texts.log : texts.empty}</p>
        </div>
      ) : (
        <div
          className={width > 0 && width < 420 ? 'machine narrow' : 'machine'}
          data-testid="machine"
          data-step={shown?.step ?? -1}
          data-status={shown ? status : 'none'}
        >
          <Tools running={status === 'running'} ready={shown !== null} event={event} program={program} />
          {error ? <ErrorNote error={error} actions={[{ title: texts.again, run: () => run({ kind: 'look' }) }]} /> : null}
          {shown ? (
            <>
              <PlaceLine view={shown} program={program} busy={status === 'running'} progress={progress} />
              <Playback view={shown} session={session} />
              <Timeline view={shown} />
              <Tabs view={shown} program={program} stale={status === 'running'} />
            </>
          ) : error ? null : fresh && status === 'none' && lost ? (
            <ErrorNote
              tone="note"
              error={{ what: texts.stoppedFirst, where: '', advice: '' }}
              actions={[{ title: texts.again, run: () => run({ kind: 'look' }) }]}
            />
          ) : stale && stopped ? (
            <ErrorNote
              tone="note"
              error={{ what: texts.notBuilt, where: '', advice: '' }}
              actions={[{ title: texts.again, run: resume }]}
            />
          ) : (
            <Progress progress={progress} label={texts.opening} {...(status === 'running' ? { onCancel: pauseMachine } : {})} />
          )}
        </div>
      )}
    </Panel>
  );
}

/** Where a run to the selection should stop. */
function selectedInsns(program: ProgramView): number[] {
  const { selection, cursors } = useWorkbench.getState();
  if (selection?.kind === 'node') return nodeEntries(program, Number(selection.id));
  return cursors.insn === undefined ? [] : [Number(cursors.insn)];
}

function Tool({ icon: Icon, title, onClick, disabled }: { icon: LucideIcon; title: string; onClick: () => void; disabled: boolean }) {
  return (
    <button type="button" className="button square" aria-label={title} title={title} disabled={disabled} onClick={onClick}>
      <Icon size={14} />
    </button>
  );
}

function Tools({ running, ready, event, program }: { running: boolean; ready: boolean; event: number; program: ProgramView }) {
  const trace = useWorkbench((state) => state.stages.trace.value);
  const follow = useMachine((state) => state.follow);
  const selectable = useWorkbench((state) => state.selection?.kind === 'node' || state.cursors.insn !== undefined);
  const idle = ready && !running;
  const move = (action: MachineAction) => () => void act(action);
  const Run = running ? Pause : Play;
  return (
    <div className="machine-tools" role="toolbar" aria-label={texts.tools}>
      <button
        type="button"
        className="button square"
        aria-label={running ? texts.pause : texts.continue}
        title={running ? texts.pause : texts.continue}
        disabled={!ready}
        onClick={() => (running ? pauseMachine() : void act({ kind: 'continue' }))}
      >
        <Run size={14} />
      </button>
      <Tool icon={Rewind} title={texts.reverse} disabled={!idle} onClick={move({ kind: 'reverse' })} />
      <span className="machine-gap" />
      <Tool icon={UndoDot} title={texts.back} disabled={!idle} onClick={move({ kind: 'back' })} />
      <Tool icon={RedoDot} title={texts.over} disabled={!idle} onClick={move({ kind: 'over' })} />
      <Tool icon={ArrowDownToDot} title={texts.into} disabled={!idle} onClick={move({ kind: 'into' })} />
      <Tool icon={ArrowUpFromDot} title={texts.out} disabled={!idle} onClick={move({ kind: 'out' })} />
      <span className="machine-gap" />
      <Tool
        icon={ArrowRightToLine}
        title={texts.runTo}
        disabled={!idle || !selectable}
        onClick={() => {
          const insns = selectedInsns(program);
          if (insns.length > 0) void act({ kind: 'runTo', insns });
        }}
      />
      <Tool icon={RotateCcw} title={texts.restart} disabled={!idle} onClick={() => void restartMachine()} />
      <button
        type="button"
        className="button square"
        aria-label={texts.follow}
        title={texts.follow}
        aria-pressed={follow}
        onClick={() => setFollow(!follow)}
      >
        <Crosshair size={14} />
      </button>
      <span className="machine-event small muted">
        {trace && event >= 0 ? (
          <>
            <Tool
              icon={ChevronLeft}
              title={texts.eventBefore}
              disabled={!idle || event === 0}
              onClick={() => select('packet', event - 1)}
            />
            <span className="ellipsis" data-testid="machine-event">
              {texts.event(trace.kind, event, trace.count)}
            </span>
            <Tool
              icon={ChevronRight}
              title={texts.eventAfter}
              disabled={!idle || event + 1 >= trace.count}
              onClick={() => select('packet', event + 1)}
            />
          </>
        ) : (
          <span className="ellipsis">{texts.noEvent}</span>
        )}
      </span>
    </div>
  );
}

interface PlaceProps {
  readonly view: MachineView;
  readonly program: ProgramView;
  readonly busy: boolean;
  readonly progress: Parameters<typeof Progress>[0]['progress'];
}

/** Why and where the machine stands. */
function PlaceLine({ view, program, busy, progress }: PlaceProps) {
  const { forgotten, lost } = useMachine();
  const { reason, insn, returnValue } = view;
  // What is over soon is not worth a bar.
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    if (!busy) return;
    const timer = window.setTimeout(() => setSlow(true), 100);
    return () => window.clearTimeout(timer);
  }, [busy]);
  const bad = reason.kind === 'fault' || reason.kind === 'condition';
  return (
    <div className="machine-place">
      {busy && slow ? (
        <Progress progress={progress} label={texts.running} onCancel={pauseMachine} />
      ) : (
        <>
          <p className={bad ? 'bad' : 'ellipsis'} role="status" data-testid="machine-reason" title={reasonText(reason, program)}>
            {bad ? '✕ ' : ''}
            {reasonText(reason, program)}
            {returnValue === null ? '' : ` ${texts.returned(verdictText(program, returnValue))}`}
          </p>
          {insn >= 0 ? (
            <p className="machine-insn mono">
              <button type="button" className="link" onClick={() => select('insn', insn)}>
                {texts.at(insn)}
              </button>
              <span className="ellipsis">
                <Code text={insnText(program, insn)} />
              </span>
            </p>
          ) : null}
          {lost ? <p className="small warn">{`▲ ${texts.lost}`}</p> : null}
          {forgotten ? <p className="small warn">{`▲ ${texts.forgotten}`}</p> : null}
        </>
      )}
    </div>
  );
}

const XDP = 6;
const XDP_VERDICTS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'];

const verdictText = ({ progType }: ProgramView, value: number): string =>
  progType === XDP && value < XDP_VERDICTS.length ? `${value}, XDP_${XDP_VERDICTS[value]}` : String(value);

function reasonText(reason: MachineReason, program: ProgramView): string {
  switch (reason.kind) {
    case 'breakpoint': {
      const list = useBreakpoints.getState().list.filter(({ id }) => reason.ids.includes(id));
      return list.length === 0 ? texts.reasons.step : texts.breakpointHit(list.map((one) => stopName(one, program)).join(', '));
    }
    case 'watchpoint':
      return texts.watchHit(hexBytes(reason.before), hexBytes(reason.after));
    case 'fault':
      return texts.fault(reason.what);
    case 'condition':
      return texts.conditionFailed(reason.what);
    default:
      return texts.reasons[reason.kind];
  }
}

function Tabs({ view, program, stale }: { view: MachineView; program: ProgramView; stale: boolean }) {
  const [tab, setTab] = useState<TabId>('registers');
  const [wantedFrame, setFrame] = useState<number | null>(null);
  const stops = useBreakpoints((state) => state.list.length);
  const watches = useMachine((state) => state.watches.length);
  const id = useId();
  const frame = Math.min(wantedFrame ?? view.frames.length - 1, view.frames.length - 1);
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]!;
    setTab(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab=${next}]`)?.focus();
    event.preventDefault();
  };
  const framed = tab === 'registers' || tab === 'stack';
  return (
    <>
      <div className="machine-tabs" role="tablist" aria-label={texts.views} onKeyDown={onKey}>
        {TABS.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            className="button"
            data-tab={one}
            id={`${id}-${one}`}
            aria-selected={tab === one}
            aria-controls={`${id}-view`}
            tabIndex={tab === one ? 0 : -1}
            onClick={() => setTab(one)}
          >
            {one === 'stops' && stops + watches > 0 ? texts.stopsCount(stops + watches) : texts.tabs[one]}
          </button>
        ))}
      </div>
      <div
        className={stale ? 'machine-view stale' : 'machine-view'}
        role="tabpanel"
        id={`${id}-view`}
        aria-labelledby={`${id}-${tab}`}
        aria-busy={stale}
      >
        {framed && view.frames.length > 1 ? <Frames view={view} program={program} frame={frame} onChoose={setFrame} /> : null}
        {tab === 'registers' ? <Registers view={view} program={program} frame={frame} /> : null}
        {tab === 'stack' ? <StackView view={view} program={program} frame={frame} /> : null}
        {tab === 'memory' ? <MemoryView view={view} /> : null}
        {tab === 'maps' ? <MapsView view={view} /> : null}
        {tab === 'tensors' ? <TensorsView view={view} /> : null}
        {tab === 'stops' ? <Stops program={program} view={view} /> : null}
        {tab === 'output' ? <Output view={view} /> : null}
      </div>
    </>
  );
}

interface FramesProps {
  readonly view: MachineView;
  readonly program: ProgramView;
  readonly frame: number;
  readonly onChoose: (frame: number | null) => void;
}

/** The functions that are under way, the main program first. */
function Frames({ view, program, frame, onChoose }: FramesProps) {
  return (
    <div className="machine-frames small">
      <div className="segments" role="toolbar" aria-label={texts.frames}>
        {view.frames.map(({ insn, callback }, at) => {
          const name = program.subprogs.findLast(({ start }) => start <= insn)?.name ?? '';
          return (
            <button
              key={at}
              type="button"
              className="segment"
              aria-pressed={at === frame}
              title={`${texts.at(insn)}${callback ? `, ${texts.callback}` : ''}`}
              onClick={() => onChoose(at === view.frames.length - 1 ? null : at)}
            >
              {at > 0 ? (callback ? '↺ ' : '› ') : ''}
              {name}
            </button>
          );
        })}
      </div>
    </div>
  );
}

function Output({ view }: { view: MachineView }) {
  if (view.events.length === 0) return <p className="empty">{texts.noOutput}</p>;
  return (
    <ol className="machine-output mono">
      {view.events.map((text, at) => (
        <li key={at}>{text}</li>
      ))}
    </ol>
  );
}
