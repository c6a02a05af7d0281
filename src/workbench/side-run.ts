import { Cancelled } from '../base/progress.ts';
import type { Calibration } from '../compiler/api.ts';
import { Turns, type TurnTimes } from '../replay/turns.ts';
import { getBlob } from './blobs.ts';
import { hold, type ProgramSpec, referenceWorker } from './clients.ts';
import type { BlobRef, ProjectDoc } from './document.ts';
import { type StageKeys, stageKeys } from './keys.ts';
import { keepOnly, whenLeft } from './leaving.ts';
import { calibrationOf } from './pipeline.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';
import { emptyColumns, withBatch } from './score-columns.ts';
import { currentDoc, useWorkbench } from './store.ts';
import type { ProgramView, ScoreBatch, ScoreColumns, VerifiedView } from './views.ts';

/** Programs that the page does not show, built, verified and run beside the open one: in a worker of their own, so that the workspace goes on meanwhile. */
const sideWorker = new WorkerClient(
  'second program',
  () => new Worker(new URL('./workers/compile.worker.ts', import.meta.url), { type: 'module', name: 'beside' }),
  'project',
);

/** A program that was built and verified, ready to run. */
export interface BuiltSide {
  readonly doc: ProjectDoc;
  readonly spec: ProgramSpec;
  readonly insns: number;
  readonly processed: number;
}

/** Each run has a machine of its own, with the maps that the program begins with. */
let runs = 0;

/** Builds and verifies a document's program. Throws {@link RemoteError} where it cannot be built or is rejected. */
export async function buildSide(doc: ProjectDoc, options: CallOptions): Promise<BuiltSide> {
  const spec = await specOf(doc, options);
  const view = await call<ProgramView>('program', spec, {}, options);
  const verdict = await call<VerifiedView>('verify', spec, { kernel: doc.options.kernel }, options);
  if (!verdict.accepted) {
    throw new RemoteError({
      what: `the verifier rejects it: ${verdict.message ?? ''}`,
      where: doc.source?.blob.name ?? '',
      advice: 'What is rejected is not run: choose another program',
    });
  }
  return { doc, spec, insns: view.code.length / 8, processed: verdict.processed };
}

function call<T>(method: string, program: ProgramSpec, args: object, options: CallOptions): Promise<T> {
  hold(sideWorker, program.from.kind === 'model' ? program.from.model.model : program.from.blob, program.fork);
  return sideWorker.call<T>(method, { program, ...args }, options);
}

async function specOf(doc: ProjectDoc, options: CallOptions): Promise<ProgramSpec> {
  const { source, binding, fork } = doc;
  const keys = stageKeys(doc);
  if (!source || source.kind === 'log' || (source.kind === 'model' && !binding))
    throw new RemoteError({
      what: 'there is no program to run',
      where: source?.blob.name ?? '',
      advice: 'Open a model, an object, C or assembly',
    });
  let from: ProgramSpec['from'];
  if (source.kind === 'model') {
    const model = { key: keys.model, model: source.blob, dims: doc.options.dims };
    from = { kind: 'model', model, calibration: await calibrationFor(doc, keys, options), binding: binding! };
  } else if (source.kind === 'c') from = { kind: 'object', blob: await objectOfC(source, options), program: source.program };
  else from = { ...source };
  return { key: JSON.stringify([keys.program, 'beside', ++runs]), from, options: doc.options, fork: fork?.text ?? null };
}

async function objectOfC({ blob, cpu, links }: Extract<ProjectDoc['source'], { kind: 'c' }>, options: CallOptions): Promise<BlobRef> {
  const { compileText } = await import('./c.ts');
  const { object, diagnostics } = await compileText(
    blob.name,
    new TextDecoder().decode(getBlob(blob)),
    blob.hash,
    cpu ?? 'v3',
    links ?? [],
    options,
  );
  if (object) return object;
  const first = diagnostics.find(({ severity }) => severity === 'error');
  throw new RemoteError({
    what: first?.message ?? 'it does not compile',
    where: first ? `${blob.name}:${first.line}` : blob.name,
    advice: '',
  });
}

async function calibrationFor(doc: ProjectDoc, keys: StageKeys, options: CallOptions): Promise<Calibration> {
  const { calibration: source } = doc;
  const known = calibrationOf(keys.calibration);
  if (known) return known;
  if (source.kind === 'precomputed') return JSON.parse(new TextDecoder().decode(getBlob(source.blob))) as Calibration;
  hold(referenceWorker, doc.source!.blob, source.kind === 'trace' ? source.blob : null);
  const model = { key: keys.model, model: doc.source!.blob, dims: doc.options.dims };
  const calibration = { key: keys.calibration, source, method: doc.options.method };
  return referenceWorker.call<Calibration>('calibrate', { model, calibration, binding: doc.binding }, options);
}

/** What two programs say of a trace, and how long they take for the same events. */
export interface RanInTurns {
  readonly a: ScoreColumns;
  readonly b: ScoreColumns;
  readonly times: TurnTimes | null;
}

/** A stretch is long beside the clock of a browser and beside a message to a worker. */
const [STRETCH_MS, FIRST] = [12, 4];

/** Runs the first `total` events of a trace through two programs, stretch by stretch in turns; `onColumns` hears how far both are. */
export async function runInTurns(
  a: BuiltSide,
  b: BuiltSide,
  trace: BlobRef,
  total: number,
  options: CallOptions,
  onColumns: (ran: RanInTurns) => void = () => {},
): Promise<RanInTurns> {
  const sides = { a: a.spec, b: b.spec };
  const columns = { a: emptyColumns(total), b: emptyColumns(total) };
  const turns = new Turns(STRETCH_MS, FIRST);
  hold(sideWorker, trace);
  for (let from = 0; from < total; ) {
    const to = Math.min(total, from + turns.length);
    const before = { a: columns.a.busyMs ?? 0, b: columns.b.busyMs ?? 0 };
    for (const which of turns.order) {
      const onEvent = ((batch: ScoreBatch) => {
        columns[which] = withBatch(columns[which], batch);
      }) as CallOptions['onEvent'];
      await call('replay', sides[which], { trace, from, to }, { signal: options.signal, onEvent });
    }
    turns.add(to - from, (columns.a.busyMs ?? 0) - before.a, (columns.b.busyMs ?? 0) - before.b);
    from = to;
    options.onProgress?.('running both in turns', to, total);
    onColumns({ ...columns, times: turns.result() });
  }
  return { ...columns, times: turns.result() };
}

/** Runs a trace through one program. */
export async function runAlone({ spec }: BuiltSide, trace: BlobRef, total: number, options: CallOptions): Promise<ScoreColumns> {
  let columns = emptyColumns(total);
  hold(sideWorker, trace);
  const onEvent = ((batch: ScoreBatch) => {
    columns = withBatch(columns, batch);
    options.onProgress?.('running the trace', columns.done, total);
  }) as CallOptions['onEvent'];
  await call('replay', spec, { trace, from: 0, to: total }, { ...options, onEvent });
  return columns;
}

/** ONNX Runtime's columns of late, by the key of their stage. */
const references = new Map<string, ScoreColumns>();
const MOST_REFERENCES = 4;
whenLeft(() => keepOnly(references, (key) => key === stageKeys(currentDoc()).reference));

/** What ONNX Runtime says of a document's trace; the page's own columns where it has them. Null for a program without a model. */
export async function referenceFor(doc: ProjectDoc, total: number, options: CallOptions): Promise<ScoreColumns | null> {
  const keys = stageKeys(doc);
  if (keys.reference === '' || !doc.binding || !doc.trace) return null;
  const shown = await shownReference(keys.reference, options.signal);
  if (shown) return shown;
  const known = references.get(keys.reference);
  if (known) return known;
  let columns = emptyColumns(total);
  const onEvent = ((batch: ScoreBatch) => {
    columns = withBatch(columns, batch);
  }) as CallOptions['onEvent'];
  hold(referenceWorker, doc.source!.blob, doc.trace, doc.labels);
  const model = { key: keys.model, model: doc.source!.blob, dims: doc.options.dims };
  const trace = { key: keys.trace, trace: doc.trace, labels: doc.labels };
  await referenceWorker.call('score', { model, trace, binding: doc.binding }, { ...options, onEvent });
  references.set(keys.reference, columns);
  if (references.size > MOST_REFERENCES) references.delete(references.keys().next().value!);
  return columns;
}

/** The page's reference once it is whole, if it is on its way and is that one. */
function shownReference(key: string, signal: AbortSignal | undefined): Promise<ScoreColumns | null> {
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const { reference } = useWorkbench.getState().stages;
      const { value, status, stale } = reference;
      if (signal?.aborted) reject(new Cancelled());
      else if (reference.key === key && value && !stale && !value.swapped && value.done === value.total && status !== 'running')
        resolve(value);
      else if (status === 'running') return false;
      else resolve(null);
      stop();
      signal?.removeEventListener('abort', look);
      return true;
    };
    let stop = () => {};
    if (look()) return;
    stop = useWorkbench.subscribe(look);
    signal?.addEventListener('abort', look);
  });
}
