import { Cancelled } from '../base/progress.ts';
import type { Calibration, CalibrationMethod } from '../compiler/api.ts';
import type { Binding } from '../hooks/binding.ts';
import { contentOf } from './blobs.ts';
import type { BlobRef, CalibrationSource, ProjectOptions } from './document.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';

/** The workers of the page. All are caches keyed by content: ending one loses nothing. Most work for the open project, and rest with it. */
export const compileWorker = new WorkerClient(
  'compiler',
  () => new Worker(new URL('./workers/compile.worker.ts', import.meta.url), { type: 'module', name: 'compiler' }),
  'project',
);

export const referenceWorker = new WorkerClient(
  'ONNX Runtime',
  () => new Worker(new URL('./workers/reference.worker.ts', import.meta.url), { type: 'module', name: 'onnxruntime' }),
  'project',
);

export const logWorker = new WorkerClient(
  'log',
  () => new Worker(new URL('./workers/log.worker.ts', import.meta.url), { type: 'module', name: 'log' }),
  'project',
);

export const machineWorker = new WorkerClient(
  'debugger',
  () => new Worker(new URL('./workers/machine.worker.ts', import.meta.url), { type: 'module', name: 'machine' }),
  'project',
);

/** What a worker needs to know to stand where the document stands; blobs travel before it, once. */
export interface ModelSpec {
  readonly key: string;
  readonly model: BlobRef;
  readonly dims: ProjectOptions['dims'];
}

export interface TraceSpec {
  readonly key: string;
  readonly trace: BlobRef;
  readonly labels: BlobRef | null;
}

export interface CalibrationSpec {
  readonly key: string;
  readonly source: CalibrationSource;
  readonly method?: CalibrationMethod;
}

export interface ProgramSpec {
  readonly key: string;
  /** A model to compile, or an object (of C also) or assembly text to read. */
  readonly from:
    | { readonly kind: 'model'; readonly model: ModelSpec; readonly calibration: Calibration; readonly binding: Binding }
    | { readonly kind: 'object'; readonly blob: BlobRef; readonly program?: string | undefined }
    | { readonly kind: 'assembly'; readonly blob: BlobRef };
  readonly options: ProjectOptions;
  readonly fork: BlobRef | null;
}

/** Hands what `refs` name to `client`'s worker unless it has them. */
export function hold(client: WorkerClient, ...refs: readonly (BlobRef | null)[]): void {
  for (const ref of refs) if (ref) client.hold(ref.hash, contentOf(ref));
}

/**
 * How to build again each program that the page shows: a worker may have been ended since. Of a program that was replaced meanwhile nobody waits for an answer any more:
 * what is asked about it is cancelled.
 */
const programSpecs = new Map<string, ProgramSpec>();
const MOST_SPECS = 8;

export function rememberProgram(spec: ProgramSpec): void {
  programSpecs.delete(spec.key);
  programSpecs.set(spec.key, spec);
  if (programSpecs.size > MOST_SPECS) programSpecs.delete(programSpecs.keys().next().value!);
  if (expected?.key !== spec.key) return;
  for (const tell of expected.waiting) tell(spec);
  expected = null;
}

/** Forgets programs of blobs that are no longer held: what is asked about them is cancelled. */
export function forgetPrograms(gone: ReadonlySet<string>): void {
  for (const [key, { from, fork }] of programSpecs) {
    const blob = from.kind === 'model' ? from.model.model : from.blob;
    if (gone.has(blob.hash) || (fork && gone.has(fork.hash))) programSpecs.delete(key);
  }
}

let expected: { readonly key: string; readonly waiting: ((program: ProgramSpec | null) => void)[] } | null = null;

/**
 * Results that came with the site are shown before it is known what their program is made of: what is asked about program `key` waits for that.
 * Null: none is on its way any more, and who waits is told so.
 */
export function expectProgram(key: string | null): void {
  if (expected?.key === key) return;
  for (const tell of expected?.waiting ?? []) tell(null);
  expected = key === null ? null : { key, waiting: [] };
}

/** The text of the program that `key` names, as it was before anyone edited it. */
export function compiledText(key: string): Promise<string> {
  const program = programSpecs.get(key);
  if (!program) return Promise.reject(new Cancelled());
  hold(compileWorker, program.from.kind === 'model' ? program.from.model.model : program.from.blob);
  return compileWorker.call<string>('programText', { program: { ...program, key: `${key} compiled`, fork: null } });
}

/** Calls the compile worker about the program `key`, which it builds again if it has to. */
export function callOnProgram<T>(key: string, method: string, args: object = {}, options: CallOptions = {}): Promise<T> {
  const call = (program: ProgramSpec | null): Promise<T> => {
    if (!program) return Promise.reject(new Cancelled());
    hold(compileWorker, program.from.kind === 'model' ? program.from.model.model : program.from.blob, program.fork);
    return compileWorker.call<T>(method, { program, ...args }, options);
  };
  const known = programSpecs.get(key);
  if (known || expected?.key !== key) return call(known ?? null);
  const { waiting } = expected;
  return new Promise<ProgramSpec | null>((resolve) => waiting.push(resolve)).then(call);
}

/** How to build program `key`, with its blobs handed to `client`; null when it is no longer known. */
export function programFor(client: WorkerClient, key: string): ProgramSpec | null {
  const program = programSpecs.get(key);
  if (!program) return null;
  hold(client, program.from.kind === 'model' ? program.from.model.model : program.from.blob, program.fork);
  return program;
}
