import { create } from 'zustand';
import type { Effects } from '../replay/effects.ts';
import { writeCapture } from '../traces/capture/write.ts';
import { download } from './actions.ts';
import { hold, machineWorker, programFor } from './clients.ts';
import { whenLeft } from './leaving.ts';
import type { CallOptions } from './rpc.ts';
import { announce, currentDoc, useWorkbench } from './store.ts';

/** What was recorded last, and the replay that it belongs to. */
interface Recorded {
  /** Key of the stage `replay`; '' without one. */
  readonly key: string;
  readonly effects: Effects | null;
}

export const useEffects = create<Recorded>()(() => ({ key: '', effects: null }));

whenLeft(() => {
  if (useEffects.getState().key !== effectsKey(useWorkbench.getState())) useEffects.setState({ key: '', effects: null });
});

/** Whether the open project has packets and a program to send them through. */
export function canRecord({ stages: { program, trace, verified } }: ReturnType<typeof useWorkbench.getState>): boolean {
  return (
    program.value !== null &&
    !program.stale &&
    trace.value?.kind === 'packets' &&
    !trace.stale &&
    verified.value?.accepted === true &&
    !verified.stale
  );
}

/** Records what the program does to packets, user space and maps over the whole trace. */
export async function recordEffects(options: CallOptions): Promise<Recorded> {
  const { stages } = useWorkbench.getState();
  const { trace } = currentDoc();
  const program = stages.program.value && programFor(machineWorker, stages.program.value.key);
  if (!program || !trace) return useEffects.getState();
  hold(machineWorker, trace);
  const effects = await machineWorker.call<Effects>('effects', { program, trace }, options);
  announce(`${effects.events} events are recorded: ${effects.sent.length} packets sent on, ${effects.messages.length} messages`);
  return { key: effectsKey(useWorkbench.getState()), effects };
}

/** Identifies program and trace. */
export const effectsKey = ({ stages }: ReturnType<typeof useWorkbench.getState>): string =>
  JSON.stringify([stages.program.value?.key, stages.trace.key]);

/** Hands the packets that were sent on to the browser as a capture; times count from the first packet of the trace. */
export function saveSent({ sent }: Effects): void {
  const { trace } = useWorkbench.getState().stages;
  const time = trace.value?.kind === 'packets' ? trace.value.time : null;
  const packets = sent.map(({ event, data }) => ({ data, timeNs: BigInt(Math.round(Math.max(0, time?.[event] ?? 0) * 1e9)) }));
  download(`${currentDoc().name}-sent.pcap`, writeCapture(packets));
}
