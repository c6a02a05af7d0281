import type { Calibration } from '../compiler/api.ts';
import type { Cpu } from '../compiler/backend/legalize.ts';
import type { Binding } from '../hooks/binding.ts';
import type { CLibrary } from '../replay/c-library.ts';
import type { Inspected } from './actions.ts';
import { getBlob, leaveBlobs, putBlob } from './blobs.ts';
import type { CView } from './c-view.ts';
import { compileWorker, hold, referenceWorker } from './clients.ts';
import { type BlobRef, type CLink, EMPTY_PROJECT } from './document.ts';
import { recognise } from './files.ts';
import { stageKeys } from './keys.ts';
import { keepOnly, whenLeft } from './leaving.ts';
import { calibrationOf } from './pipeline.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';
import { currentDoc, editDoc, useWorkbench } from './store.ts';

/** How a model is calibrated that takes its inputs from C. */
const TENSOR_BINDING: Binding = { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } };

/** Of its own: clang takes 75 MB of code, and half a second in which it hears nothing. */
const clangWorker = new WorkerClient(
  'clang',
  () => new Worker(new URL('./workers/clang.worker.ts', import.meta.url), { type: 'module', name: 'clang' }),
  'project',
);

/** A library with what tells it from others. */
export interface KeyedLibrary extends CLibrary {
  readonly key: string;
}

export interface CompiledInWorker extends Omit<CView, 'object' | 'hash'> {
  readonly object: Uint8Array<ArrayBuffer> | null;
}

/** Compiles a text with what it is linked with; clang is fetched when it is first needed. The object is held as a blob under its hash. */
export async function compileText(
  fileName: string,
  text: string,
  hash: string,
  cpu: Cpu,
  links: readonly CLink[],
  options: CallOptions = {},
): Promise<CView> {
  const libraries = await Promise.all(links.map((link) => libraryOf(link, options)));
  const { object, ...rest } = await clangWorker.call<CompiledInWorker>('compileC', { fileName, text, cpu, libraries }, options);
  const ref = object && (await putBlob(fileName.replace(/\.c$/i, '.o'), object));
  if (ref) objects.push(ref);
  return { ...rest, hash, object: ref };
}

/** What clang made: no document names it. */
let objects: BlobRef[] = [];
whenLeft(() => {
  const present = useWorkbench.getState().stages.c.value?.object?.hash;
  leaveBlobs(objects.filter(({ hash }) => hash !== present));
  objects = objects.filter(({ hash }) => hash === present);
});

/** What was linked with lately, by key: a model is compiled once. */
const libraries = new Map<string, Promise<KeyedLibrary>>();
const MOST_LIBRARIES = 4;
whenLeft(() => {
  const { source } = currentDoc();
  const links = source?.kind === 'c' ? (source.links ?? []).map((link) => JSON.stringify(link)) : [];
  keepOnly(libraries, (key) => links.includes(key));
});

export function libraryOf(link: CLink, options: CallOptions = {}): Promise<KeyedLibrary> {
  const key = JSON.stringify(link);
  const known = libraries.get(key);
  if (known) return known;
  const made = makeLibrary(link, options).then((library) => ({ ...library, key }));
  libraries.set(key, made);
  made.catch(() => libraries.delete(key));
  if (libraries.size > MOST_LIBRARIES) libraries.delete(libraries.keys().next().value!);
  return made;
}

async function makeLibrary(link: CLink, options: CallOptions): Promise<CLibrary> {
  let calibration: Calibration | null = null;
  if (link.kind === 'model' && link.calibration.kind === 'precomputed')
    calibration = JSON.parse(new TextDecoder().decode(getBlob(link.calibration.blob))) as Calibration;
  else if (link.kind === 'model') {
    const key = JSON.stringify(link);
    hold(referenceWorker, link.blob, link.calibration.kind === 'trace' ? link.calibration.blob : null);
    calibration = await referenceWorker.call<Calibration>(
      'calibrate',
      {
        model: { key, model: link.blob, dims: link.options.dims },
        calibration: { key, source: link.calibration, method: link.options.method },
        binding: TENSOR_BINDING,
      },
      options,
    );
  }
  hold(compileWorker, link.blob);
  return compileWorker.call<CLibrary>('cLibrary', { link, calibration }, options);
}

/** Links the C with a file: an object, or a model that is compiled to be called. Throws {@link RemoteError} for what is neither. */
export async function linkWith(file: File): Promise<void> {
  const { bytes, ref } = await readFile(file, file.name);
  const kind = await recognise(file.name, bytes);
  if (kind === 'object') addLink({ kind, blob: ref });
  else if (kind === 'model') {
    hold(compileWorker, ref);
    const { suggested } = await compileWorker.call<Inspected>('inspect', { blob: ref });
    const { options } = currentDoc();
    addLink({
      kind,
      blob: ref,
      calibration: { kind: 'generated' },
      options: { ...EMPTY_PROJECT.options, kernel: options.kernel, dims: suggested },
    });
  } else throw new RemoteError({ what: `${file.name} is neither an object nor a model`, where: '', advice: 'Give an .o or .onnx file' });
}

function addLink(link: CLink): void {
  const { source } = currentDoc();
  if (source?.kind === 'c')
    editSource(`link with ${link.blob.name}`, {
      links: [...(source.links ?? []).filter(({ blob }) => blob.name !== link.blob.name), link],
    });
}

export function removeLink(at: number): void {
  const { source } = currentDoc();
  const links = source?.kind === 'c' ? (source.links ?? []) : [];
  if (links[at]) editSource(`do not link with ${links[at].blob.name}`, { links: links.filter((_, index) => index !== at) });
}

/** Makes the open model one that C calls: a program to begin with takes the place of the binding. Undo brings the model back. */
export async function callModelFromC(): Promise<void> {
  const doc = currentDoc();
  const { source, options } = doc;
  if (source?.kind !== 'model') return;
  const measured = calibrationOf(stageKeys(doc).calibration);
  const calibration = measured && (await putBlob('calibration.json', new TextEncoder().encode(JSON.stringify(measured))));
  const link: CLink = {
    kind: 'model',
    blob: source.blob,
    calibration: calibration ? { kind: 'precomputed', blob: calibration } : { kind: 'generated' },
    options,
  };
  const library = await libraryOf(link);
  const { starterC } = await import('./c-start.ts');
  const base = source.blob.name.replace(/\.onnx$/i, '');
  const blob = await putBlob(`${base}.c`, new TextEncoder().encode(starterC(library)));
  editDoc(`call ${base} from C`, (present) =>
    present.source !== source
      ? present
      : {
          ...present,
          source: { kind: 'c', blob, links: [link] },
          binding: null,
          calibration: { kind: 'generated' },
          trace: doc.binding?.input.kind === 'tensor' ? null : present.trace,
          edits: [],
          fork: null,
        },
  );
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
function editSource(label: string, change: { readonly blob?: BlobRef; readonly cpu?: Cpu; readonly links?: readonly CLink[] }): void {
  editDoc(label, (doc) => {
    if (doc.source?.kind !== 'c') return doc;
    const source = { ...doc.source, ...change };
    return JSON.stringify(source) === JSON.stringify(doc.source) ? doc : { ...doc, source, fork: null };
  });
}
