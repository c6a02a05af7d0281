import type { KernelVersion } from '../verifier/api.ts';
import { pinBlob } from './blobs.ts';
import type { BtfFileView, BtfPart, BtfRow, BtfTypeView, MapTypesView, RelocationView } from './btf-views.ts';
import { hold } from './clients.ts';
import type { CodeFile, CodeSide, CodesView, CodeText } from './codes-views.ts';
import type { BlobRef } from './document.ts';
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
  const kind = await recognise(file.name, bytes);
  if (kind !== 'object' && kind !== 'assembly')
    throw new RemoteError({ what: `${file.name} holds no program`, where: '', advice: 'Give an object (.o) or assembly (.s)' });
  pinBlob(ref);
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

/** The types of a blob: an object's, or a kernel's. */
export function openBtf(blob: BlobRef, options: CallOptions = {}): Promise<BtfFileView> {
  hold(inspectWorker, blob);
  return inspectWorker.call<BtfFileView>('openBtf', { blob }, options);
}

/** Asks the worker about types that {@link openBtf} opened. */
export const askBtf = {
  find: (blob: BlobRef, query: string, kind: string) => inspectWorker.call<number>('findTypes', { blob, query, kind }),
  rows: (blob: BlobRef, query: string, kind: string, from: number, to: number) =>
    inspectWorker.call<readonly BtfRow[]>('typeRows', { blob, query, kind, from, to }),
  detail: (blob: BlobRef, id: number) => inspectWorker.call<BtfTypeView>('typeDetail', { blob, id }),
  parts: (blob: BlobRef, id: number) => inspectWorker.call<readonly BtfPart[]>('typeParts', { blob, id }),
  relocations: (blob: BlobRef, target: BlobRef | null) => {
    if (target) hold(inspectWorker, target);
    return inspectWorker.call<readonly RelocationView[]>('coreRelocations', { blob, target });
  },
  maps: (blob: BlobRef) => inspectWorker.call<readonly MapTypesView[]>('mapTypeRows', { blob }),
};
