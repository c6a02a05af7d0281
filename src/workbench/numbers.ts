import type { CalibrationMethod, Quant } from '../compiler/api.ts';
import type { SearchCost } from '../compiler/precision-search.ts';
import { getBlob } from './blobs.ts';
import { programFor } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { AccuracyView, SearchView, TrialEvent } from './number-views.ts';
import { readFile } from './read-file.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import { currentDoc, editDoc, setStage, useWorkbench } from './store.ts';
import type { ScoreBatch, ScoreColumns } from './views.ts';

const worker = new WorkerClient(
  'numbers',
  () => new Worker(new URL('./workers/numbers.worker.ts', import.meta.url), { type: 'module', name: 'numbers' }),
);

function call<T>(key: string, method: string, args: object, refs: readonly (BlobRef | null)[], options: CallOptions = {}): Promise<T> {
  const program = programFor(worker, key);
  if (!program) return Promise.reject(new Error('this program is no longer known'));
  for (const ref of refs) if (ref) worker.hold(ref.hash, getBlob(ref));
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

/** A replay whose weights were changed on the way. */
export interface SwappedReplay {
  readonly key: string;
  readonly name: string;
  readonly from: number;
  /** Events with another verdict or class than before. */
  readonly changed: number;
  readonly before: ScoreColumns;
}

/** Weights of another training from event `from` on: the columns of the replay change from there. */
export async function swapReplay(file: File, from: number, options: CallOptions): Promise<SwappedReplay | null> {
  const { replay, program } = useWorkbench.getState().stages;
  const doc = currentDoc();
  const { trace } = doc;
  if (!replay.value || !program.value || !trace) return null;
  const { ref } = await readFile(file, file.name);
  const before = replay.value;
  const key = replay.key;
  let columns: ScoreColumns = { ...before, score: before.score.slice(), verdict: before.verdict.slice(), outputs: before.outputs.slice() };
  const take = ({ start, score, verdict, outputs, outputWidth }: ScoreBatch) => {
    columns.score.set(score, start);
    columns.verdict.set(verdict, start);
    if (outputWidth === columns.outputWidth) columns.outputs.set(outputs, start * outputWidth);
    columns = { ...columns };
    if (useWorkbench.getState().stages.replay.key === key) setStage('replay', { value: columns });
  };
  const next = { key: `${ref.hash} ${JSON.stringify(doc.options.dims)}`, model: ref, dims: doc.options.dims };
  await call<void>(program.value.key, 'swapWeights', { trace, next, from }, [trace, ref], {
    ...options,
    onEvent: take as CallOptions['onEvent'],
  });
  let changed = 0;
  for (let i = from; i < columns.total; i++) if (columns.verdict[i] !== before.verdict[i]) changed++;
  return { key, name: ref.name, from, changed, before };
}

/** The replay as it was before the swap. */
export function unswapReplay({ key, before }: SwappedReplay): void {
  if (useWorkbench.getState().stages.replay.key === key) setStage('replay', { value: before });
}
