import { Cancelled } from '../base/progress.ts';
import { hold, machineWorker, programFor } from './clients.ts';
import { toUserError } from './errors.ts';
import { machinePlace } from './machine.ts';
import type { ProfileView } from './machine-views.ts';
import { useProfile } from './profile.ts';
import { RemoteError } from './rpc.ts';
import { announce, useWorkbench } from './store.ts';

let running: AbortController | null = null;

/** Counts what the event at the cursor, or every event of the trace, executes. Stopped on the way, it shows what it has counted so far. */
export async function runProfile(what: 'event' | 'trace'): Promise<void> {
  if (running) return;
  const state = useWorkbench.getState();
  const place = machinePlace(state);
  const program = place && programFor(machineWorker, place.programKey);
  const { trace } = state.history.doc;
  if (!place || !program || (what === 'trace' && !trace)) return;
  hold(machineWorker, trace);
  running = new AbortController();
  useProfile.setState({ status: 'running', growing: false, progress: null, error: null });
  try {
    const of =
      what === 'event'
        ? { kind: 'event', event: place.spec, index: place.event }
        : { kind: 'trace', trace, from: 0, to: state.stages.trace.value!.count };
    const value = await machineWorker.call<ProfileView>(
      'profile',
      { program, of },
      {
        signal: running.signal,
        onEvent: (soFar: ProfileView) => useProfile.setState({ value: soFar, growing: true }),
        onProgress: (stage, done, total) => useProfile.setState({ progress: { stage, done, total } }),
      },
    );
    useProfile.setState({ status: 'done', value, progress: null });
    announce(`${value.events} events are profiled`);
  } catch (error) {
    if (error instanceof Cancelled) useProfile.setState({ status: useProfile.getState().value ? 'done' : 'none', progress: null });
    else {
      const said = error instanceof RemoteError ? error.error : toUserError(error, 'Profiling');
      useProfile.setState({ status: 'error', error: said, progress: null });
    }
  }
  useProfile.setState({ growing: false });
  running = null;
}

export function stopProfile(): void {
  running?.abort();
}
