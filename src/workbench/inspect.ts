import { Cancelled } from '../base/progress.ts';
import type { KernelVersion } from '../verifier/api.ts';
import { hasBlob, pinBlob } from './blobs.ts';
import type { BtfFileView, BtfPart, BtfRow, BtfTypeView, MapTypesView, RelocationView } from './btf-views.ts';
import { hold } from './clients.ts';
import type { CodeFile, CodeSide, CodesView, CodeText, ComparedCodes } from './codes-views.ts';
import type { BlobRef } from './document.ts';
import { recognise } from './files.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';

/** Of its own: what is looked at beside the project does not hold up the project. It rests with the project, and reads again what is asked of it later. */
export const inspectWorker = new WorkerClient(
  'inspect',
  () => new Worker(new URL('./workers/inspect.worker.ts', import.meta.url), { type: 'module', name: 'inspect' }),
  'project',
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
  return askCodes<CodesView>('compareCodes', { key: JSON.stringify([sides, kernel] satisfies ComparedCodes) }, options);
}

export const codeTexts = (key: string, from: number, to: number): Promise<readonly CodeText[]> =>
  askCodes<readonly CodeText[]>('codeTexts', { key, from, to });

async function askCodes<T>(
  method: string,
  args: { readonly key: string; readonly from?: number; readonly to?: number },
  options?: CallOptions,
): Promise<T> {
  const [sides] = JSON.parse(args.key) as ComparedCodes;
  for (const { blob } of sides) give(blob);
  return inspectWorker.call<T>(method, args, options);
}

/** Hands a blob to the worker, which may have been ended since it had it. Throws {@link Cancelled} for one of a project that was left. */
function give(blob: BlobRef): void {
  if (!hasBlob(blob.hash)) throw new Cancelled();
  hold(inspectWorker, blob);
}

/** The types of a blob: an object's, or a kernel's. */
export function openBtf(blob: BlobRef, options: CallOptions = {}): Promise<BtfFileView> {
  hold(inspectWorker, blob);
  return inspectWorker.call<BtfFileView>('openBtf', { blob }, options);
}

async function ask<T>(method: string, blob: BlobRef, args: object = {}): Promise<T> {
  give(blob);
  return inspectWorker.call<T>(method, { blob, ...args });
}

/** Asks the worker about types that {@link openBtf} opened. */
export const askBtf = {
  find: (blob: BlobRef, query: string, kind: string) => ask<number>('findTypes', blob, { query, kind }),
  rows: (blob: BlobRef, query: string, kind: string, from: number, to: number) =>
    ask<readonly BtfRow[]>('typeRows', blob, { query, kind, from, to }),
  detail: (blob: BlobRef, id: number) => ask<BtfTypeView>('typeDetail', blob, { id }),
  parts: (blob: BlobRef, id: number) => ask<readonly BtfPart[]>('typeParts', blob, { id }),
  relocations: async (blob: BlobRef, target: BlobRef | null) => {
    if (target) give(target);
    return ask<readonly RelocationView[]>('coreRelocations', blob, { target });
  },
  maps: (blob: BlobRef) => ask<readonly MapTypesView[]>('mapTypeRows', blob),
};
