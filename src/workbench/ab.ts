import { create } from 'zustand';
import { Cancelled, STOPPED } from '../base/progress.ts';
import type { Binding } from '../hooks/binding.ts';
import type { AbInput, AbSide } from '../replay/ab.ts';
import { type AbCompared, type AbRecord, abRecord, compareAll } from '../replay/ab-record.ts';
import type { Scores } from '../replay/scores.ts';
import type { TurnTimes } from '../replay/turns.ts';
import type { EventKind } from '../replay/verdicts.ts';
import type { Inspected } from './actions.ts';
import { compileWorker, hold } from './clients.ts';
import type { BlobRef, OptionChange, ProjectDoc } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import { recognise } from './files.ts';
import { inSlices } from './in-slices.ts';
import { stageKeys } from './keys.ts';
import { whenLeft } from './leaving.ts';
import { findBlobs } from './projects/find-blobs.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, RemoteError } from './rpc.ts';
import { type KeptRun, keepingRun, runKey } from './run-records.ts';
import { type BuiltSide, buildSide, type RanInTurns, referenceFor, runInTurns } from './side-run.ts';
import type { StageProgress } from './stages.ts';
import { announce, currentDoc, useWorkbench } from './store.ts';
import type { ScoreColumns, TraceView } from './views.ts';

/** One of the two programs that are compared. */
export interface SideState {
  readonly doc: ProjectDoc;
  readonly insns: number;
  readonly processed: number;
  readonly columns: ScoreColumns;
  /** Null for a program without a model, and while ONNX Runtime is at work. */
  readonly reference: ScoreColumns | null;
}

export interface AbState {
  readonly status: 'absent' | 'running' | 'done' | 'error' | 'cancelled';
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** What the second program is, in words. */
  readonly name: string;
  readonly trace: Pick<TraceView, 'kind' | 'file' | 'labels' | 'count'> | null;
  readonly a: SideState | null;
  readonly b: SideState | null;
  readonly times: TurnTimes | null;
  /** Of a long trace, once a worker has gone through it. */
  readonly compared: AbCompared | null;
}

const NONE: AbState = {
  status: 'absent',
  progress: null,
  error: null,
  name: '',
  trace: null,
  a: null,
  b: null,
  times: null,
  compared: null,
};

export const useAb = create<AbState>()(() => NONE);

let running: AbortController | null = null;

export const stopAb = (): void => running?.abort(STOPPED);

/** Edited packets are not part of a comparison: both programs get the trace as it came. */
const asItCame = (doc: ProjectDoc): ProjectDoc => (doc.edits.length > 0 ? { ...doc, edits: [] } : doc);

/** Whether what is on show is about the open program and trace. */
export const isPresent = ({ a }: Pick<AbState, 'a'>, doc: ProjectDoc): boolean =>
  a !== null && runKey(a.doc) === runKey(doc) && a.doc.labels?.hash === doc.labels?.hash;

// The history of runs has what it came to.
whenLeft(() => {
  const state = useAb.getState();
  if (state.status !== 'running' && !isPresent(state, asItCame(currentDoc()))) useAb.setState(NONE);
});

/** Columns cross into the page's state this often at the most. */
const SHOW_MS = 250;

/** Of more events only the whole is compared, and by a worker: each look goes through all of them. */
const MOST_LIVE = 20_000;

/** Runs the open program and another one on the open trace, in turns. */
export async function runAgainst(other: ProjectDoc, name: string): Promise<void> {
  running?.abort(STOPPED);
  const own = new AbortController();
  running = own;
  const doc = asItCame(currentDoc());
  const trace = useWorkbench.getState().stages.trace.value;
  const set = (change: Partial<AbState>) => {
    if (running === own) useAb.setState(change);
  };
  const options: CallOptions = {
    signal: own.signal,
    onProgress: (stage, done, total) => set({ progress: { stage, done, total } }),
  };
  set({ ...NONE, status: 'running', name });
  try {
    await findBlobs({ ...other, trace: null, labels: null });
    if (!doc.trace || !trace)
      throw new RemoteError({ what: 'there is no trace to run', where: '', advice: 'Open a capture or a file of tensors' });
    const against = asItCame({ ...other, trace: doc.trace, labels: doc.labels });
    // ONNX Runtime has a worker of its own, and goes on beside.
    const referenceA = referenceFor(doc, trace.count, options);
    referenceA.catch(() => {});
    const [builtA, builtB] = [await buildSide(doc, options), await buildSide(against, options)];
    const { kind, file, labels, count } = trace;
    set({ trace: { kind, file, labels, count } });
    const side = (built: BuiltSide, columns: ScoreColumns, reference: ScoreColumns | null): SideState => ({
      doc: built.doc,
      insns: built.insns,
      processed: built.processed,
      columns,
      reference,
    });
    let shown = 0;
    const show = ({ a, b, times }: RanInTurns) => {
      if (count > MOST_LIVE || performance.now() - shown < SHOW_MS) return;
      shown = performance.now();
      set({ a: side(builtA, a, null), b: side(builtB, b, null), times });
    };
    const { a, b, times } = await runInTurns(builtA, builtB, doc.trace, count, options, show);
    const first = await referenceA;
    const sameReference = stageKeys(against).reference === stageKeys(doc).reference;
    const second = sameReference ? first : await referenceFor(against, count, options);
    const whole = { a: side(builtA, a, first), b: side(builtB, b, second), times };
    const compared = count > MOST_LIVE ? await comparedBeside({ kind, labels, ...sidesOf(whole) }, options) : null;
    set({ status: 'done', progress: null, ...whole, compared });
    announce(`Both programs have run ${count.toLocaleString('en')} events`);
    const { noteRun } = await import('./runs.ts');
    for (const which of ['b', 'a'] as const) {
      const run = running === own ? await keptOf(which) : null;
      if (run) noteRun(run);
    }
  } catch (error) {
    if (error instanceof Cancelled) set({ status: 'cancelled', progress: null });
    else
      set({
        status: 'error',
        progress: null,
        error: error instanceof RemoteError ? error.error : toUserError(error, 'Comparing two programs'),
      });
  }
}

/** What comparing looks at, as it crosses to a worker. */
const scoresOf = ({ total, done, score, verdict, outputs, outputWidth, cut }: ScoreColumns): Scores => ({
  total,
  done,
  score,
  verdict,
  outputs,
  outputWidth,
  cut,
});

function sidesOf({ a, b }: { readonly a: SideState; readonly b: SideState }): AbView['sides'] {
  const reference = a.reference && scoresOf(a.reference);
  const side = ({ columns, doc: { binding } }: SideState, own: Scores | null): AbSide => ({
    scores: scoresOf(columns),
    reference: own,
    binding,
  });
  // Sides of one model have one reference: it crosses once.
  return { a: side(a, reference), b: side(b, b.reference === a.reference ? reference : b.reference && scoresOf(b.reference)) };
}

async function comparedBeside(input: AbInput, options: CallOptions): Promise<AbCompared> {
  const { inspectWorker } = await import('./inspect.ts');
  options.onProgress?.('comparing the answers', 0, 0);
  return inspectWorker.call<AbCompared>('compareLong', input, { ...(options.signal ? { signal: options.signal } : {}) });
}

/** One side as a run of the history; null while it is not whole. */
async function keptOf(which: 'a' | 'b'): Promise<KeptRun | null> {
  const { trace, times, [which]: side } = useAb.getState();
  if (!trace || !side || side.columns.done < side.columns.total) return null;
  const { doc, insns, processed, columns, reference } = side;
  return inSlices(keepingRun({ doc, trace, insns, processed, replay: columns, reference, nsPerEvent: times?.[which] ?? null }));
}

export interface AbView extends AbCompared {
  readonly kind: EventKind;
  readonly sides: { readonly a: AbSide; readonly b: AbSide };
  readonly labels: Int8Array | null;
}

/** The two sides compared as far as both are; null before there is anything. */
export function abView({ trace, a, b, compared }: AbState): AbView | null {
  if (!trace || !a || !b) return null;
  const { kind, labels } = trace;
  const sides = sidesOf({ a, b });
  return { kind, sides, labels, ...(compared ?? compareAll({ kind, ...sides, labels })) };
}

/** Events that a report lists. */
const MOST_LISTED = 1000;

/** The comparison as reports have it; null while it is not whole. */
export async function presentRecord(): Promise<AbRecord | null> {
  const state = useAb.getState();
  const view = abView(state);
  const [a, b] = [await keptOf('a'), await keptOf('b')];
  return view && a && b ? abRecord({ ...view, runs: { a: a.record, b: b.record }, times: state.times, most: MOST_LISTED }) : null;
}

/** The open project with other options, and without what was edited by hand. */
export const withOptions = (doc: ProjectDoc, options: OptionChange): ProjectDoc => {
  const { specialise, method, ...rest } = { ...doc.options, ...options };
  return { ...doc, fork: null, options: { ...rest, ...(specialise ? { specialise: true } : {}), ...(method ? { method } : {}) } };
};

/** The compiled program that the open one was edited from. */
export const unedited = (doc: ProjectDoc): ProjectDoc => ({ ...doc, fork: null });

/** A file as the second program: a model, an object, C, assembly or a project. Throws {@link RemoteError}. */
export async function docOfFile(file: File, options: CallOptions = {}): Promise<ProjectDoc> {
  const present = currentDoc();
  const { bytes, ref, sample } = await readFile(file, file.name);
  const kind = await recognise(file.name, bytes, sample);
  if (kind === 'project') {
    const { unpackProject } = await import('./projects/project-file.ts');
    return (await unpackProject(file.name, bytes)).doc;
  }
  if (kind === 'model') return docOfModel(present, ref, options);
  if (kind === 'object' || kind === 'assembly') {
    hold(compileWorker, ref);
    await compileWorker.call('checkProgram', { kind, blob: ref }, options);
  } else if (kind !== 'c') {
    throw new RemoteError({ what: 'this is no program', where: file.name, advice: 'Give an .onnx, .o, .c or .s file, or a project' });
  }
  return { ...present, source: { kind, blob: ref }, binding: null, fork: null };
}

/** Another model under the open project's binding where that fits it, else under its own; calibrated on the open trace. */
async function docOfModel(present: ProjectDoc, blob: BlobRef, options: CallOptions): Promise<ProjectDoc> {
  hold(compileWorker, blob);
  const { symbolicDims, suggested } = await compileWorker.call<Inspected>('inspect', { blob }, options);
  const dims = Object.fromEntries(symbolicDims.map((name) => [name, present.options.dims[name] ?? suggested[name] ?? 1]));
  const fits = present.binding
    ? await compileWorker.call('fitBinding', { model: { blob, dims }, binding: present.binding }, options).then(
        () => true,
        () => false,
      )
    : false;
  const binding = fits ? present.binding : await compileWorker.call<Binding>('defaultBinding', { blob, dims }, options);
  return {
    ...present,
    source: { kind: 'model', blob },
    binding,
    calibration: present.trace ? { kind: 'trace', blob: present.trace } : { kind: 'generated' },
    fork: null,
    options: { ...present.options, dims },
  };
}
