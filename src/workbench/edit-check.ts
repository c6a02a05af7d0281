import type { KernelVersion } from '../verifier/api.ts';
import type { EditBase, EditProblems, EditVerdict } from './edit-view.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';

const editWorker = new WorkerClient(
  'edit',
  () => new Worker(new URL('./workers/edit.worker.ts', import.meta.url), { type: 'module', name: 'edit' }),
  'project',
);

/** Checks `text` in place of the function that `base` was opened for. The verdict is null where the text has mistakes. */
export async function checkEdit(
  base: EditBase,
  text: string,
  kernel: KernelVersion,
  onProblems: (problems: EditProblems) => void,
  options: CallOptions,
): Promise<EditVerdict | null> {
  const args = { key: base.key, func: base.func, text, kernel };
  const all = { ...options, onEvent: onProblems as CallOptions['onEvent'] };
  try {
    return await editWorker.call<EditVerdict | null>('check', args, all);
  } catch (error) {
    // A new worker has to be sent the program; any other error repeats itself.
    if (!(error instanceof RemoteError) || options.signal?.aborted) throw error;
  }
  return editWorker.call<EditVerdict | null>('check', { ...args, base }, all);
}

/** Lets the worker load before the first key is pressed. */
export const warmEditWorker = (): void => editWorker.warm();

/** What the verifier knows before an instruction of the text that was checked last. */
export const editStateAt = (insn: number): Promise<readonly { readonly name: string; readonly text: string }[]> =>
  editWorker.call<readonly { readonly name: string; readonly text: string }[]>('stateAt', { insn });
