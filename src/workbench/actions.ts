import type { Strategy } from '../compiler/api.ts';
import type { Binding } from '../hooks/binding.ts';
import type { KernelVersion } from '../verifier/api.ts';
import { putBlob } from './blobs.ts';
import { callOnProgram, compileWorker, hold } from './clients.ts';
import { type BlobRef, type CalibrationSource, EMPTY_PROJECT, type ProjectDoc } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import { notifyFailure } from './failures.ts';
import type { FileKind } from './files.ts';
import { docHash } from './projects/hash.ts';
import type { Origin } from './projects/record.ts';
import { useProject } from './projects/state.ts';
import { readFile } from './read-file.ts';
import { RemoteError } from './rpc.ts';
import { decodeShipped, showShipped } from './shipped.ts';
import { announce, currentDoc, dismissNotice, editDoc, notify, openDoc, useWorkbench } from './store.ts';
import { type Turn, takeTurn } from './turns.ts';

/** What the user can do to a project. Each either changes the document by one step or leaves it and says why. */

/** What the compile worker finds out about a model before the project changes. */
export interface Inspected {
  readonly symbolicDims: readonly string[];
  readonly suggested: Readonly<Record<string, number>>;
}

/** Asks for sizes of symbolic dimensions; resolves with null when the user leaves the form. */
export type AskDims = (file: string, inspected: Inspected) => Promise<Record<string, number> | null>;

let askDims: AskDims = async (_file, inspected) => ({ ...inspected.suggested });
export function setAskDims(ask: AskDims): void {
  askDims = ask;
}

const asUserError = (error: unknown, doing: string): UserError => (error instanceof RemoteError ? error.error : toUserError(error, doing));

/** Opens files by what they contain: a model or program first, then traces, so that both may be dropped together. */
export async function openFiles(files: readonly File[]): Promise<void> {
  const turn = takeTurn();
  try {
    await openInTurn(files, turn);
  } finally {
    turn.end();
  }
}

async function openInTurn(files: readonly File[], turn: Turn): Promise<void> {
  const read: { kind: FileKind; ref: BlobRef }[] = [];
  const projects: File[] = [];
  for (const file of files) {
    const doing = `Opening ${file.name}`;
    try {
      const { bytes, ref, sample, kind: known } = await readFile(file, shortName(file.name));
      const { openCourseFile, recognise } = await import('./files.ts');
      const kind = known ?? (await recognise(file.name, bytes, sample));
      if (kind === 'project') {
        projects.push(file);
        continue;
      }
      if (kind === 'lesson' || kind === 'path') await openCourseFile(kind, ref.name, bytes);
      else read.push({ kind, ref });
    } catch (error) {
      notifyFailure(doing, error);
    }
  }
  const order: readonly FileKind[] = ['model', 'object', 'c', 'assembly', 'log', 'packets', 'tensors', 'pictures', 'calls', 'binding'];
  read.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const pictures = read.flatMap(({ kind, ref }) => (kind === 'pictures' ? [ref] : []));
  const failed: BlobRef[] = [];
  await turn.come;
  for (const { kind, ref } of read) {
    // Pictures that come together are one trace.
    if (kind === 'pictures' && ref !== pictures[0]) continue;
    const doing = `Opening ${ref.name}`;
    dismissOpening(doing);
    try {
      if (kind === 'model') await openModel(ref, turn);
      else if (kind === 'object' || kind === 'assembly') await openProgram(kind, ref);
      else if (kind === 'log' || kind === 'c') openText(kind, ref);
      else if (kind === 'binding') await openBinding(ref);
      else if (kind === 'pictures') await (await import('./tensor-files.ts')).openPictures(pictures);
      else if (kind === 'tensors' && !/\.np[yz]$/i.test(ref.name))
        await openTrace(await (await import('./tensor-files.ts')).asArchive(ref));
      else if (kind !== 'project') await openTrace(ref);
      dismissOpening();
      announce(`${ref.name} opened`);
      onFileOpened(kind, ref);
    } catch (error) {
      failed.push(ref);
      notifyFailure(doing, error);
    }
  }
  if (failed.length > 0) (await import('./release.ts')).forgetFiles(failed);
  for (const file of projects) {
    const doing = `Opening ${file.name}`;
    dismissOpening(doing);
    try {
      await (await import('./projects/open-file.ts')).openProjectFile(file);
      dismissOpening();
    } catch (error) {
      notifyFailure(doing, error);
    }
  }
}

/** Told of each file that opened: the list of recent files. */
let onFileOpened: (kind: FileKind, ref: BlobRef) => void = () => {};
export function whenFileOpens(listener: typeof onFileOpened): void {
  onFileOpened = listener;
}

/** Writes the open project with all bytes that it names as one file. */
export async function exportProject(): Promise<void> {
  const doing = 'Exporting the project';
  try {
    const doc = currentDoc();
    const { packProject, PROJECT_EXTENSION } = await import('./projects/project-file.ts');
    const bytes = await packProject(doc, useProject.getState().origin.sample);
    download(`${doc.name.replace(/[\\/:*?"<>|]+/g, '-')}${PROJECT_EXTENSION}`, bytes);
    announce(`${doc.name} exported as a file, ${bytes.length.toLocaleString('en')} bytes`);
  } catch (error) {
    notifyFailure(doing, error);
  }
}

/** Names of files may be as long as a system allows; documents keep as much as fits a line, with the ending. */
function shortName(name: string): string {
  return name.length <= 120 ? name || 'file' : `${name.slice(0, 80)}…${name.slice(-32)}`;
}

/** What could not be opened before is settled once something else is open; `again`: that one alone, when it is tried again. */
function dismissOpening(again?: string): void {
  for (const { id, doing } of useWorkbench.getState().notices) if (again ? doing === again : doing.startsWith('Opening')) dismissNotice(id);
}

const OWN_FILE: Origin = { how: 'file', sample: null };

/** Imports the model first: a file that cannot be used leaves the open workspace as it is. */
async function openModel(ref: BlobRef, turn: Turn): Promise<void> {
  hold(compileWorker, ref);
  const inspected = await compileWorker.call<Inspected>('inspect', { blob: ref });
  let dims: Record<string, number> = {};
  if (inspected.symbolicDims.length > 0) {
    // Whoever opens something else instead of answering need not wait.
    turn.end();
    const answer = await askDims(ref.name, inspected);
    if (!answer) return;
    dims = answer;
  }
  const binding = await compileWorker.call<Binding>('defaultBinding', { blob: ref, dims });
  openDoc(
    {
      ...EMPTY_PROJECT,
      name: ref.name.replace(/\.onnx$/i, ''),
      source: { kind: 'model', blob: ref },
      binding,
      options: { ...EMPTY_PROJECT.options, kernel: currentDoc().options.kernel, dims },
    },
    OWN_FILE,
  );
}

async function openProgram(kind: 'object' | 'assembly', ref: BlobRef): Promise<void> {
  hold(compileWorker, ref);
  await compileWorker.call('checkProgram', { kind, blob: ref });
  openDoc(
    {
      ...EMPTY_PROJECT,
      name: ref.name,
      source: { kind, blob: ref },
      options: { ...EMPTY_PROJECT.options, kernel: currentDoc().options.kernel },
    },
    OWN_FILE,
  );
}

/** A text that opens whatever is wrong with it: a log, or C. */
function openText(kind: 'log' | 'c', ref: BlobRef): void {
  openDoc(
    {
      ...EMPTY_PROJECT,
      name: ref.name.replace(/\.(log|txt)$/i, ''),
      source: { kind, blob: ref },
      options: { ...EMPTY_PROJECT.options, kernel: currentDoc().options.kernel },
    },
    OWN_FILE,
  );
}

const PASTED = { log: 'pasted.log', assembly: 'pasted.s', c: 'pasted.c' } as const;

/** Opens a text that was pasted: a verifier's log, assembly, or C. */
export async function openPasted(kind: keyof typeof PASTED, text: string): Promise<boolean> {
  const doing = `Opening what was pasted`;
  dismissOpening(doing);
  try {
    const ref = await putBlob(PASTED[kind], new TextEncoder().encode(text));
    if (kind === 'assembly') await openProgram(kind, ref);
    else openText(kind, ref);
    dismissOpening();
    announce(`${ref.name} opened`);
    return true;
  } catch (error) {
    notifyFailure(doing, error);
    return false;
  }
}

export async function openTrace(ref: BlobRef): Promise<void> {
  const doc = currentDoc();
  const model = doc.source?.kind === 'model' ? { blob: doc.source.blob, dims: doc.options.dims } : null;
  hold(compileWorker, ref, model?.blob ?? null);
  // A capture needs a binding that reads packets and a tensor file one that reads tensors: the worker finds one that fits or says why none does.
  const binding = await compileWorker.call<Binding | null>('bindingFor', { trace: ref, model, binding: doc.binding });
  editDoc(`open ${ref.name}`, (present) => ({ ...present, trace: ref, labels: null, edits: [], binding: binding ?? present.binding }));
}

async function openBinding(ref: BlobRef): Promise<void> {
  hold(compileWorker, ref);
  const binding = await compileWorker.call<Binding>('readBinding', { blob: ref });
  const problem = await checkBinding(binding);
  if (problem) throw new RemoteError(problem);
  applyBinding(binding);
}

/** Why a binding does not fit the open model; null when it does. */
export async function checkBinding(binding: Binding): Promise<UserError | null> {
  const { source, options } = currentDoc();
  if (source?.kind !== 'model') return null;
  try {
    hold(compileWorker, source.blob);
    await compileWorker.call('fitBinding', { model: { blob: source.blob, dims: options.dims }, binding });
    return null;
  } catch (error) {
    return asUserError(error, 'Checking the binding');
  }
}

export function applyBinding(binding: Binding): void {
  editDoc('change the binding', (doc) => (JSON.stringify(doc.binding) === JSON.stringify(binding) ? doc : { ...doc, binding }));
}

export function calibrateOn(kind: CalibrationSource['kind']): void {
  editDoc('change the calibration', (doc) => {
    if (kind === 'generated') return { ...doc, calibration: { kind } };
    return kind === 'trace' && doc.trace ? { ...doc, calibration: { kind, blob: doc.trace } } : doc;
  });
}

export function renameProject(name: string): void {
  const next = name.trim().slice(0, 200);
  if (next !== '') editDoc(`rename to ${next}`, (doc) => (doc.name === next ? doc : { ...doc, name: next }));
}

/** Which program of an object is on show. */
export function chooseProgram(program: string): void {
  editDoc(`show ${program}`, (doc) => {
    const { source } = doc;
    if (source?.kind !== 'object' && source?.kind !== 'c') return doc;
    // What was edited by hand was the other program.
    return source.program === program ? doc : { ...doc, source: { ...source, program }, fork: null };
  });
}

export function setKernel(kernel: KernelVersion): void {
  editDoc(`kernel ${kernel}`, (doc) => (doc.options.kernel === kernel ? doc : { ...doc, options: { ...doc.options, kernel } }));
}

/** What loops become when the model is compiled. */
export function setStrategy(strategy: Strategy): void {
  editDoc(`loop strategy ${strategy}`, (doc) =>
    doc.options.strategy === strategy ? doc : { ...doc, options: { ...doc.options, strategy } },
  );
}

export function editPacketByte(packet: number, byteOff: number, value: number): void {
  editDoc(`change byte ${byteOff} of packet ${packet + 1}`, (doc) => ({
    ...doc,
    edits: [...doc.edits.filter((edit) => edit.packet !== packet || edit.byteOff !== byteOff), { packet, byteOff, value }],
  }));
}

export function revertPacket(packet: number): void {
  editDoc(`revert packet ${packet + 1}`, (doc) => ({ ...doc, edits: doc.edits.filter((edit) => edit.packet !== packet) }));
}

/** One committed edit of the program is one step of the project. */
export async function commitFork(text: string, label = 'edit the program'): Promise<void> {
  const ref = await putBlob('program.s', new TextEncoder().encode(text));
  editDoc(label, (doc) => (doc.fork?.text.hash === ref.hash ? doc : { ...doc, fork: { text: ref } }));
}

export function discardFork(): void {
  editDoc('discard the changes to the program', (doc) => (doc.fork ? { ...doc, fork: null } : doc));
}

/** Writes the ELF object of the program on show and hands it to the browser as a download. */
export async function exportObject(): Promise<void> {
  const { program } = useWorkbench.getState().stages;
  if (!program.value) return;
  if (program.value.fromLog) {
    notify('Exporting the object', {
      what: 'A log shows instructions, but neither the maps nor the type of the program',
      where: '',
      advice: 'Open the object or the assembly that the log is about',
    });
    return;
  }
  try {
    const bytes = await callOnProgram<Uint8Array<ArrayBuffer>>(program.value.key, 'exportObject');
    download(`${currentDoc().name}.bpf.o`, bytes);
    announce(`${currentDoc().name}.bpf.o written, ${bytes.length} bytes`);
  } catch (error) {
    notifyFailure('Exporting the object', error);
  }
}

/** Hands bytes to the browser as a file. */
export function download(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** A project that comes with the site. */
export interface Sample {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  /** The desk that shows it best. */
  readonly desk: 'explore' | 'debug' | 'replay';
  /** File of results that came with the site. */
  readonly shipped?: string;
  load(fetchBlob: (path: string) => Promise<BlobRef>): Promise<ProjectDoc>;
}

async function fetchSampleFile(path: string): Promise<Response> {
  const url = new URL(`samples/${path}`, document.baseURI);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname} answers ${response.status}`);
  return response;
}

/** The document of a sample as its files say it. */
export function loadSample(sample: Sample): Promise<ProjectDoc> {
  return sample.load(async (path) => {
    const response = await fetchSampleFile(path);
    return putBlob(path.split('/').at(-1)!, new Uint8Array(await response.arrayBuffer()));
  });
}

export async function openSample(sample: Sample): Promise<void> {
  const doing = `Opening the sample ${sample.title}`;
  try {
    // Only a first screen needs results at once; any other keeps what it shows until live ones come.
    const first = useWorkbench.getState().stages.program.value === null;
    const shipped = sample.shipped && first ? fetchSampleFile(sample.shipped).then((response) => response.text()) : Promise.resolve(null);
    const { source } = currentDoc();
    const doc = await loadSample(sample);
    const hash = await docHash(doc);
    // Whoever opened something while the files were under way wants that.
    if (currentDoc().source !== source) return;
    openDoc(doc, { how: 'sample', sample: { id: sample.id, hash } });
    // Without them the screen fills a moment later.
    const text = await shipped.catch(() => null);
    if (text !== null) showShipped(decodeShipped(text), useWorkbench.getState().stages);
  } catch (error) {
    notify(doing, {
      what: `The files of the sample could not be loaded (${error instanceof Error ? error.message : String(error)})`,
      where: '',
      advice: 'Reload the page, or open files of your own',
    });
  }
}
