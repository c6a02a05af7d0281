import { Cancelled } from '../base/progress.ts';
import { hold, machineWorker, programFor } from './clients.ts';
import { machinePlace } from './machine.ts';
import type { NodeTimesView } from './machine-views.ts';
import { announce, useWorkbench } from './store.ts';

/** Measures the nodes of program `key` on the event at the cursor. */
export async function measureNodes(key: string, signal: AbortSignal): Promise<NodeTimesView> {
  const state = useWorkbench.getState();
  const place = machinePlace(state);
  const program = programFor(machineWorker, key);
  if (!program || place?.programKey !== key) throw new Cancelled();
  const { trace } = state.history.doc;
  hold(machineWorker, trace);
  const view = await machineWorker.call<NodeTimesView>('nodeTimes', { program, event: place.spec, trace }, { signal });
  announce(`${view.nodes.length} operators are timed`);
  return view;
}
