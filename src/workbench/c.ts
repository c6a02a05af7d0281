import type { Cpu } from '../compiler/backend/legalize.ts';
import { putBlob } from './blobs.ts';
import type { CView } from './c-view.ts';
import type { BlobRef } from './document.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import { currentDoc, editDoc } from './store.ts';

/** Of its own: clang takes 75 MB of code, and half a second in which it hears nothing. */
const clangWorker = new WorkerClient(
  'clang',
  () => new Worker(new URL('./workers/clang.worker.ts', import.meta.url), { type: 'module', name: 'clang' }),
);

export interface CompiledInWorker extends Omit<CView, 'object' | 'hash'> {
  readonly object: Uint8Array<ArrayBuffer> | null;
}

/** Compiles a text; clang is fetched when it is first needed. The object is held as a blob under its hash. */
export async function compileText(fileName: string, text: string, hash: string, cpu: Cpu, options: CallOptions = {}): Promise<CView> {
  const { object, ...rest } = await clangWorker.call<CompiledInWorker>('compileC', { fileName, text, cpu }, options);
  return { ...rest, hash, object: object ? await putBlob(fileName.replace(/\.c$/i, '.o'), object) : null };
}

/** One committed text is one step of the project. */
export async function commitC(text: string): Promise<void> {
  const { source } = currentDoc();
  if (source?.kind !== 'c') return;
  const blob = await putBlob(source.blob.name, new TextEncoder().encode(text));
  editSource(`edit ${blob.name}`, { blob });
}

/** The instruction set that the C is compiled for. */
export const setCpu = (cpu: Cpu): void => editSource(`compile for ${cpu}`, { cpu });

/** What was edited by hand behind the C goes: it was made of another program. */
function editSource(label: string, change: { readonly blob?: BlobRef; readonly cpu?: Cpu }): void {
  editDoc(label, (doc) => {
    if (doc.source?.kind !== 'c') return doc;
    const source = { ...doc.source, ...change };
    return JSON.stringify(source) === JSON.stringify(doc.source) ? doc : { ...doc, source, fork: null };
  });
}
