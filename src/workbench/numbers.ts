import { Cancelled } from '../base/progress.ts';
import type { CalibrationMethod, Quant } from '../compiler/api.ts';
import type { SearchCost } from '../compiler/precision-search.ts';
import { contentOf } from './blobs.ts';
import { hold, programFor, referenceWorker } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { AccuracyView, SearchView, TrialEvent } from './number-views.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import { currentDoc, editDoc, setStage, useWorkbench } from './store.ts';
import type { ScoreBatch, ScoreColumns } from './views.ts';

const worker = new WorkerClient(
  'numbers',
  () => new Worker(new URL('./workers/numbers.worker.ts', import.meta.url), { type: 'module', name: 'numbers' }),
  'project',
);

function call<T>(key: string, method: string, args: object, refs: readonly (BlobRef | null)[], options: CallOptions = {}): Promise<T> {
  const program = programFor(worker, key);
  if (!program) return Promise.reject(new Cancelled());
  for (const ref of refs) if (ref) worker.hold(ref.hash, contentOf(ref));
  return worker.call<T>(method, { program, ...args }, options);
}

/** The error of every node over the first events of `trace`. */
export const measureAccuracy = (key: string, trace: BlobRef, options: CallOptions): Promise<AccuracyView> =>
  call(key, 'accuracy', { trace }, [trace], options);

/** Nodes of the products with weights, largest first. */
export const productsOf = (key: string): Promise<readonly string[]> => call(key, 'products', {}, []);

export const searchPrecisions = (
  key: string,
  args: { readonly trace: BlobRef; readonly minAgreement: number; readonly cost: SearchCost },
  onTrial: (event: TrialEvent) => void,
  options: CallOptions,
): Promise<SearchView> => call(key, 'search', args, [args.trace], { ...options, onEvent: onTrial as CallOptions['onEvent'] });

/** The precisions that the model is compiled with. */
export function setQuant(quant: Quant): void {
  editDoc('change the precision', (doc) => (doc.options.quant === quant ? doc : { ...doc, options: { ...doc.options, quant } }));
}

/** How scales are chosen. Ranges that came with a sample know the largest magnitudes alone: others are measured on the trace. */
export function setMethod(method: CalibrationMethod): void {
  editDoc('change how scales are chosen', (doc) => {
    const { method: _, ...options } = doc.options;
    const calibration =
      method !== 'minmax' && doc.calibration.kind === 'precomputed'
        ? doc.trace
          ? { kind: 'trace' as const, blob: doc.trace }
          : { kind: 'generated' as const }
        : doc.calibration;
    return { ...doc, calibration, options: method === 'minmax' ? options : { ...options, method } };
  });
}

/** A replay whose weights were changed on the way, and the reference that judges it: from there on ONNX Runtime runs the new model. */
export interface SwappedReplay {
  readonly name: string;
  readonly from: number;
  /** Events with another verdict or class than before. */
  readonly changed: number;
  readonly before: Judged;
  readonly after: Judged;
}

/** Columns of a replay and of its reference; null while there are none. */
interface Judged {
  readonly replay: ScoreColumns;
  readonly reference: ScoreColumns | null;
}

/** Weights of another training from event `from` on: the columns of the replay change from there, and so do those of the reference. */
export async function swapReplay(file: File, from: number, options: CallOptions): Promise<SwappedReplay | null> {
  const { replay, reference, program } = useWorkbench.getState().stages;
  const doc = currentDoc();
  const { trace, labels, binding } = doc;
  if (!replay.value || !program.value || !trace || !binding) return null;
  const { ref } = await readFile(file, file.name);
  const next = { key: `${ref.hash} ${JSON.stringify(doc.options.dims)}`, model: ref, dims: doc.options.dims };
  const before: Judged = { replay: replay.value, reference: reference.value };
  const ours = new Patched('replay', replay.key, before.replay, { from, name: ref.name });
  const theirs = before.reference && new Patched('reference', reference.key, before.reference, { from, name: ref.name });
  try {
    await call<void>(program.value.key, 'swapWeights', { trace, next, from }, [trace, ref], { ...options, onEvent: ours.take });
    if (theirs) {
      hold(referenceWorker, ref, trace, labels);
      const args = { model: next, trace: { key: '', trace, labels }, binding, from };
      await referenceWorker.call('score', args, { ...options, onEvent: theirs.take });
    }
  } catch (error) {
    // Half of a swap would compare one model with the other.
    ours.restore(before.replay);
    if (before.reference) theirs?.restore(before.reference);
    throw error;
  }
  let changed = 0;
  for (let i = from; i < before.replay.total; i++) if (ours.columns.verdict[i] !== before.replay.verdict[i]) changed++;
  return { name: ref.name, from, changed, before, after: { replay: ours.columns, reference: theirs?.columns ?? null } };
}

/** A stage's columns with other results from one event on; the panels see each batch as it comes. */
class Patched {
  readonly #name: 'replay' | 'reference';
  readonly #key: string;
  columns: ScoreColumns;

  constructor(
    name: 'replay' | 'reference',
    key: string,
    { score, verdict, outputs, ...rest }: ScoreColumns,
    swapped: ScoreColumns['swapped'],
  ) {
    this.#name = name;
    this.#key = key;
    this.columns = { ...rest, score: score.slice(), verdict: verdict.slice(), outputs: outputs.slice(), swapped };
  }

  readonly take = (({ start, score, verdict, outputs, outputWidth }: ScoreBatch) => {
    this.columns.score.set(score, start);
    this.columns.verdict.set(verdict, start);
    if (outputWidth === this.columns.outputWidth) this.columns.outputs.set(outputs, start * outputWidth);
    this.columns = { ...this.columns };
    if (useWorkbench.getState().stages[this.#name].key === this.#key) setStage(this.#name, { value: this.columns });
  }) as CallOptions['onEvent'];

  restore(before: ScoreColumns): void {
    if (useWorkbench.getState().stages[this.#name].value === this.columns) setStage(this.#name, { value: before });
  }
}

/** Whether what the panels show is this replay: another one may have taken its place. */
export const isShown = ({ after }: SwappedReplay, replay: ScoreColumns | null): boolean => after.replay === replay;

/** Replay and reference as they were before the swap. */
export function unswapReplay({ before, after }: SwappedReplay): void {
  const { replay, reference } = useWorkbench.getState().stages;
  if (replay.value === after.replay) setStage('replay', { value: before.replay });
  if (reference.value === after.reference) setStage('reference', { value: before.reference });
}
