import { create } from 'zustand';
import { Cancelled, STOPPED } from '../base/progress.ts';
import { cancelStage, type Leg, type Pacing, rerun, resume, setPacing } from './pipeline.ts';
import { recall, remember } from './projects/state.ts';
import { liveDone } from './selectors.ts';
import { announce, select, useWorkbench } from './store.ts';
import type { TraceView } from './views.ts';

/** As fast as it goes; by the time stamps of the trace; or one event at a time. */
export type Speed = 'fast' | 'real' | 'step';
export const FACTORS = [0.1, 1, 10, 100] as const;

interface Control {
  readonly speed: Speed;
  /** How much faster than the trace real time goes. */
  readonly factor: number;
  readonly paused: boolean;
  /** Workers that share a replay where its program lets them; 1 is the compile worker alone. */
  readonly workers: number;
  /** Why events were not shared among workers; '' where they were, or need not be. */
  readonly unshared: string;
}

const KEY = 'bpformer.replay';
/** How long real time waits before it looks again, at most. */
const TICK_MS = 33;
export const MOST_WORKERS = Math.max(1, Math.min(8, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1));

function settings(): Pick<Control, 'speed' | 'factor' | 'workers'> {
  const fresh = { speed: 'fast', factor: 1, workers: MOST_WORKERS } as const;
  try {
    const kept = JSON.parse(recall('browser', KEY) ?? '{}') as Partial<Control>;
    return {
      speed: kept.speed === 'real' || kept.speed === 'step' ? kept.speed : 'fast',
      factor: FACTORS.find((one) => one === kept.factor) ?? 1,
      workers: Number.isInteger(kept.workers) && kept.workers! >= 1 && kept.workers! <= MOST_WORKERS ? kept.workers! : MOST_WORKERS,
    };
  } catch {
    return fresh;
  }
}

export const useReplayControl = create<Control>()(() => ({ ...settings(), paused: false, unshared: '' }));

const { getState, setState } = useReplayControl;

/** Events that the user asked to step over and that have not run. */
let steps = 0;
/** What stops the leg under way. */
let leg: AbortController | null = null;
let wake: () => void = () => {};

/** Where real time began: the event, and the clock then. */
let anchor: { readonly at: number; readonly ms: number } | null = null;

const pacing: Pacing = {
  get waits() {
    return getState().speed !== 'fast' || getState().paused;
  },
  async next(at: number, trace: TraceView, signal: AbortSignal): Promise<Leg> {
    for (;;) {
      if (signal.aborted) throw new Cancelled();
      const { speed, paused } = getState();
      const to = speed === 'step' ? stepTo(at) : paused ? at : speed === 'fast' ? trace.count : dueAt(at, trace);
      if (to > at) {
        leg = new AbortController();
        const both = AbortSignal.any([signal, leg.signal]);
        if (speed !== 'fast' || getState().workers === 1) return { to, signal: both };
        const { runShared } = await import('./shared-replay.ts');
        return { to, signal: both, run: runShared };
      }
      await change(signal, speed === 'real' && !paused ? TICK_MS : null);
    }
  },
};

function stepTo(at: number): number {
  if (steps === 0) return at;
  steps--;
  // The selection goes with the steps.
  select('packet', at);
  return at + 1;
}

/** The first event behind those whose time has come. */
function dueAt(at: number, trace: TraceView): number {
  if (trace.kind === 'tensors') return trace.count;
  anchor ??= { at, ms: performance.now() };
  const start = trace.time[anchor.at]!;
  const now = ((performance.now() - anchor.ms) / 1000) * getState().factor;
  let to = at;
  // What has no time of its own comes with the event before it.
  while (to < trace.count && !(trace.time[to]! - start > now)) to++;
  return to;
}

/** Waits until something was asked for, the replay ends, or time is up. */
function change(signal: AbortSignal, ms: number | null): Promise<void> {
  return new Promise((resolve) => {
    const timer = ms === null ? undefined : setTimeout(() => done(), ms);
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    wake = done;
    signal.addEventListener('abort', done);
  });
}

/** Changes how the replay goes; the leg under way ends where it is. */
function set(next: Partial<Control>): void {
  setState(next);
  const { speed, factor, workers } = getState();
  remember('browser', KEY, JSON.stringify({ speed, factor, workers }));
  anchor = null;
  steps = 0;
  leg?.abort(STOPPED);
  wake();
}

export const setSpeed = (speed: Speed): void => set({ speed, paused: false });
export const setFactor = (factor: number): void => set({ factor });
export const setWorkers = (workers: number): void => set({ workers, unshared: '' });

const replay = () => useWorkbench.getState().stages.replay;

/** Whether events are left that could run. */
export const hasMore = (): boolean => {
  const { value, status, stale } = replay();
  return status === 'running' || (value !== null && !stale && liveDone(value) < value.total);
};

/** Holds the replay where it is, or lets it go on. */
export function pauseOrResume(): void {
  const { paused, speed } = getState();
  const running = replay().status === 'running';
  if (!running) {
    set({ paused: false });
    if (hasMore()) resume();
    else restart();
    return;
  }
  set({ paused: !paused, ...(speed === 'step' ? { speed: 'fast', paused: false } : {}) });
  announce(getState().paused ? 'Replay paused' : 'Replay goes on');
}

/** Runs the next event and selects it. */
export function step(): void {
  if (getState().speed !== 'step') set({ speed: 'step', paused: false });
  if (replay().status !== 'running') {
    if (hasMore()) resume();
    else restart();
  }
  steps++;
  wake();
}

/** Ends the replay; what was computed stays. */
export function stop(): void {
  cancelStage('replay');
  setState({ paused: false });
  announce('Replay stopped');
}

/** From the first event on. */
export function restart(): void {
  set({ paused: false, unshared: '' });
  if (replay().status !== 'running') {
    rerun();
    return;
  }
  const end = useWorkbench.subscribe(({ stages }) => {
    if (stages.replay.status === 'running') return;
    end();
    rerun();
  });
  cancelStage('replay');
}

export const tellUnshared = (unshared: string): void => setState({ unshared });

setPacing(pacing);
