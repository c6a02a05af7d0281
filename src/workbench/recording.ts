import { create } from 'zustand';
import type { Recording, RecordingFormat } from '../replay/recorded.ts';
import { download } from './actions.ts';
import { hold, referenceWorker } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import { eventOf } from './event-values.ts';
import { openModelSpec } from './pipeline.ts';
import { type CallOptions, RemoteError } from './rpc.ts';
import { announce, currentDoc, useWorkbench } from './store.ts';

interface OpenRecording {
  readonly name: string;
  readonly recording: Recording | null;
  readonly error: UserError | null;
}

/** The recording that values are compared with. */
export const useRecording = create<OpenRecording>()(() => ({ name: '', recording: null, error: null }));

export async function openRecording(file: File): Promise<void> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const recording = await referenceWorker.call<Recording>('openRecording', { bytes, name: file.name });
    useRecording.setState({ name: file.name, recording, error: null });
  } catch (error) {
    useRecording.setState({
      name: file.name,
      recording: null,
      error: error instanceof RemoteError ? error.error : toUserError(error, 'Opening the recording'),
    });
  }
}

/** Records `most` events from the cursor on and hands the file to the browser. */
export async function record(most: number, format: RecordingFormat, options: CallOptions): Promise<number> {
  const { trace, binding, name } = currentDoc();
  const model = openModelSpec();
  if (!trace || !binding || !model) return 0;
  hold(referenceWorker, model.model, trace);
  const from = Math.max(0, eventOf(useWorkbench.getState()));
  const args = { model, trace, binding, from, most, format };
  const { bytes, events } = await referenceWorker.call<{ bytes: Uint8Array<ArrayBuffer>; events: number }>(
    'recordReference',
    args,
    options,
  );
  download(`${name}-tensors.${format}`, bytes);
  announce(`The tensors of ${events} events are recorded`);
  return events;
}
