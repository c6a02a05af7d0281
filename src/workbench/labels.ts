import { compileWorker, hold } from './clients.ts';
import { readFile } from './read-file.ts';
import type { CallOptions } from './rpc.ts';
import { currentDoc, editDoc } from './store.ts';

/** Gives the events of the open trace their classes. */
export async function openLabels(file: File, options: CallOptions): Promise<void> {
  const { trace } = currentDoc();
  if (!trace) return;
  const { ref } = await readFile(file, file.name);
  hold(compileWorker, trace, ref);
  await compileWorker.call('checkLabels', { trace, labels: ref }, options);
  editDoc(`open ${ref.name}`, (doc) => ({ ...doc, labels: ref }));
}
