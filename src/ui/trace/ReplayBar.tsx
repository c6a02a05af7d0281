import { Pause, Play, RotateCcw, Square, StepForward } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { contentOf } from '../../workbench/blobs.ts';
import { checkTrace, chooseAgain } from '../../workbench/lost-trace.ts';
import { keepForLater, useCopy } from '../../workbench/outside.ts';
import {
  FACTORS,
  hasMore,
  MOST_WORKERS,
  pauseOrResume,
  restart,
  type Speed,
  setFactor,
  setSpeed,
  setWorkers,
  step,
  stop,
  useReplayControl,
} from '../../workbench/replay-control.ts';
import { formatCount, liveDone } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { replayBar as texts } from '../texts/replay-bar.ts';

const SPEEDS = Object.keys(texts.speeds) as Speed[];
/** How often the rate is looked at, and over how many looks it is taken. */
const [LOOK_MS, LOOKS] = [250, 8];

/** How a replay goes, how far it is, and what can be done about it. */
export default function ReplayBar() {
  const trace = useWorkbench((state) => state.stages.trace);
  const replay = useWorkbench((state) => state.stages.replay);
  const ref = useWorkbench((state) => state.history.doc.trace);
  const { speed, factor, paused, workers, unshared } = useReplayControl();
  const copy = useCopy((state) => (state.hash === ref?.hash ? state.state : 'unknown'));
  useCommandHandler('replay.pause', pauseOrResume);
  useCommandHandler('replay.step', step);
  useCommandHandler('replay.stop', stop);
  useCommandHandler('replay.restart', restart);
  const total = trace.value?.count ?? 0;
  const done = replay.value && !replay.stale ? liveDone(replay.value) : 0;
  const running = replay.status === 'running';
  const moves = running && !paused && speed !== 'step';
  const rate = useRate(done, moves);
  if (!trace.value)
    return (
      <div className="replay-lost small">
        <LostTrace />
      </div>
    );
  const counts = [formatCount(done), formatCount(total)] as const;
  const left = rate > 0 && speed === 'fast' ? (total - done) / rate : 0;
  return (
    <div className="replay-bar small" role="toolbar" aria-label={texts.label} data-testid="replay-bar" data-copy={copy}>
      <button type="button" className="button small" onClick={pauseOrResume}>
        {moves ? <Pause size={12} /> : <Play size={12} />} {moves ? texts.pause : hasMore() ? texts.resume : texts.start}
      </button>
      <button type="button" className="button small" title={texts.stepHint} onClick={step}>
        <StepForward size={12} /> {texts.step}
      </button>
      <button type="button" className="button small square" aria-label={texts.restart} title={texts.restart} onClick={restart}>
        <RotateCcw size={12} />
      </button>
      <select className="field" aria-label={texts.speed} value={speed} onChange={(event) => setSpeed(event.target.value as Speed)}>
        {SPEEDS.map((one) => (
          <option key={one} value={one}>
            {texts.speeds[one]}
          </option>
        ))}
      </select>
      {speed === 'real' ? (
        <select className="field" aria-label={texts.factor} value={factor} onChange={(event) => setFactor(Number(event.target.value))}>
          {FACTORS.map((one) => (
            <option key={one} value={one}>
              {texts.times(one)}
            </option>
          ))}
        </select>
      ) : null}
      {speed === 'fast' && MOST_WORKERS > 1 ? (
        <select className="field" aria-label={texts.workers} value={workers} onChange={(event) => setWorkers(Number(event.target.value))}>
          {Array.from({ length: MOST_WORKERS }, (_, at) => (
            <option key={at} value={at + 1}>
              {texts.workersOf(at + 1)}
            </option>
          ))}
        </select>
      ) : null}
      {running ? (
        <>
          <div
            className="progress-track"
            role="progressbar"
            aria-label={texts.label}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round((100 * done) / Math.max(1, total))}
          >
            <div className="progress-bar" style={{ transform: `scaleX(${done / Math.max(1, total)})` }} />
          </div>
          <span data-testid="replay-progress">
            {paused ? texts.paused(...counts) : speed === 'step' ? texts.waits(...counts) : texts.done(...counts)}
            {moves && rate > 0 ? ` · ${texts.rate(formatCount(rate))}` : ''}
            {left > 1 ? ` · ${texts.left(texts.seconds(left))}` : ''}
          </span>
          <button type="button" className="button small" onClick={stop}>
            <Square size={12} /> {texts.stop}
          </button>
        </>
      ) : done > 0 && done < total ? (
        <span className="replay-partial" role="status" data-testid="replay-partial">
          {texts.partial(...counts)}
        </span>
      ) : null}
      {unshared !== '' && speed === 'fast' ? <span className="muted">{texts.unshared(unshared)}</span> : null}
      <LostTrace />
    </div>
  );
}

/** Events in a second over the last two; 0 while that is not known. */
function useRate(done: number, moves: boolean): number {
  const looks = useRef<{ readonly at: number; readonly done: number }[]>([]);
  const now = useRef(done);
  now.current = done;
  const [rate, setRate] = useState(0);
  useEffect(() => {
    looks.current = [];
    setRate(0);
    if (!moves) return;
    const timer = setInterval(() => {
      looks.current = [...looks.current.slice(1 - LOOKS), { at: performance.now(), done: now.current }];
      const [first, last] = [looks.current[0]!, looks.current.at(-1)!];
      setRate(last.at > first.at ? ((last.done - first.done) / (last.at - first.at)) * 1000 : 0);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [moves]);
  return rate;
}

/** Of a capture that stays on disk: whether it will be there after a reload, and a way to choose it again. */
function LostTrace() {
  const ref = useWorkbench((state) => state.history.doc.trace);
  const failed = useWorkbench((state) => state.stages.trace.status === 'error' || state.stages.replay.status === 'error');
  const replayed = useWorkbench((state) => state.stages.replay.status === 'done' && !state.stages.replay.stale);
  const copy = useCopy();
  const input = useRef<HTMLInputElement>(null);
  const outside = ref?.modified !== undefined;
  useEffect(() => {
    if (!outside) return;
    const look = () => void checkTrace();
    if (failed) look();
    addEventListener('focus', look);
    return () => removeEventListener('focus', look);
  }, [outside, failed]);
  useEffect(() => {
    // The replay reads the same file: it goes first.
    if (!ref || !outside || !replayed) return;
    try {
      const file = contentOf(ref);
      if (file instanceof Blob) void keepForLater(ref, file);
    } catch {
      // It is asked for again.
    }
  }, [ref, outside, replayed]);
  if (!ref || !outside) return null;
  const known = copy.hash === ref.hash;
  return (
    <>
      {failed ? (
        <button type="button" className="button bordered small" onClick={() => input.current?.click()}>
          {texts.choose}
        </button>
      ) : known && copy.state === 'copying' ? (
        <span className="muted">{texts.copying}</span>
      ) : known && copy.state === 'none' ? (
        <span className="muted">{texts.notKept}</span>
      ) : null}
      <input
        ref={input}
        type="file"
        hidden
        aria-label={texts.chooseFile}
        data-testid="trace-again"
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen) void chooseAgain(chosen);
          event.target.value = '';
        }}
      />
    </>
  );
}
