import type { KernelVersion } from '../verifier/api.ts';
import { hold } from './clients.ts';
import type { CodeFile, CodeSide, CodesView, CodeText } from './codes-views.ts';
import { recognise } from './files.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';

/** Of its own: what is looked at beside the project does not hold up the project. */
export const inspectWorker = new WorkerClient(
  'inspect',
  () => new Worker(new URL('./workers/inspect.worker.ts', import.meta.url), { type: 'module', name: 'inspect' }),
);

/** Reads a file of programs. Throws {@link RemoteError} for one without any. */
export async function readCodeFile(file: File, options: CallOptions = {}): Promise<CodeFile> {
  const { bytes, ref } = await readFile(file, file.name);
  const kind = recognise(file.name, bytes);
  if (kind !== 'object' && kind !== 'assembly')
    throw new RemoteError({ what: `${file.name} holds no program`, where: '', advice: 'Give an object (.o) or assembly (.s)' });
  return describeCodes({ kind, blob: ref, program: null }, options);
}

/** The programs in a blob that is there already. */
export function describeCodes({ kind, blob }: CodeSide, options: CallOptions = {}): Promise<CodeFile> {
  hold(inspectWorker, blob);
  return inspectWorker.call<CodeFile>('codeFile', { kind, blob }, options);
}

export function compareCodes(sides: readonly [CodeSide, CodeSide], kernel: KernelVersion, options: CallOptions): Promise<CodesView> {
  hold(inspectWorker, sides[0].blob, sides[1].blob);
  return inspectWorker.call<CodesView>('compareCodes', { key: JSON.stringify([sides, kernel]), sides, kernel }, options);
}

export const codeTexts = (key: string, from: number, to: number): Promise<readonly CodeText[]> =>
  inspectWorker.call<readonly CodeText[]>('codeTexts', { key, from, to });
