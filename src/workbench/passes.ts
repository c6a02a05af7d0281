import { Cancelled } from '../base/progress.ts';
import type { CostEstimate } from '../compiler/cost.ts';
import type { PassId } from '../compiler/passes/pass.ts';
import { hold, programFor } from './clients.ts';
import type { OptionChange } from './document.ts';
import type { Change, PassesView, PassRowView, ReferenceOutputs, TryView } from './pass-views.ts';
import type { CallOptions } from './rpc.ts';
import { currentDoc, editDoc, useWorkbench } from './store.ts';
import { strategiesWorker as worker } from './strategies.ts';

function call<T>(key: string, method: string, args: object, options: CallOptions = {}): Promise<T> {
  const program = programFor(worker, key);
  if (!program) return Promise.reject(new Cancelled());
  // A hand-edited program's passes are those of the compiled one.
  return worker.call<T>(method, { program: { ...program, fork: null }, ...args }, options);
}

/** Every pass of the model of program `key`, compared with the one before or with what other options make of it. */
export const passesOf = (key: string, change: Change | null, options: CallOptions): Promise<PassesView> =>
  call(key, 'passes', { change }, options);

export const passRows = (key: string, change: Change | null, pass: PassId, rows: readonly number[]): Promise<readonly PassRowView[]> =>
  call(key, 'passRows', { change, pass, rows });

/** What the cost model gives each strategy that the kernel takes. */
export const loopCosts = (key: string, change: Change | null, options: CallOptions): Promise<readonly CostEstimate[]> =>
  call(key, 'loopCosts', { change }, options);

/** Events whose reference travels with the question. */
const MOST_EVENTS = 256;

/** What program `key` costs and would cost with other options, told as it comes. */
export function tryOptions(key: string, change: Change | null, onView: (view: TryView) => void, options: CallOptions): Promise<TryView> {
  const { trace } = currentDoc();
  const { value, stale } = useWorkbench.getState().stages.reference;
  const reference: ReferenceOutputs | null =
    value && !stale
      ? {
          outputs: value.outputs.slice(0, Math.min(MOST_EVENTS, value.done, value.swapped?.from ?? value.done) * value.outputWidth),
          width: value.outputWidth,
          cut: value.cut,
        }
      : null;
  hold(worker, trace);
  return call(key, 'tryOptions', { change, trace, reference }, { ...options, onEvent: onView as CallOptions['onEvent'] });
}

/** The options that are in force, as far as they can be tried. */
export const presentOptions = ({
  quant,
  strategy,
  kernel,
  specialise,
}: Omit<Change, 'specialise'> & Pick<OptionChange, 'specialise'>): Change => ({
  quant,
  strategy,
  kernel,
  ...(specialise ? { specialise: true } : {}),
});

/** Makes tried options the project's, in one step. */
export function takeOptions(change: Change): void {
  editDoc('take the options that were tried', (doc) => {
    const { specialise: _, ...options } = doc.options;
    return { ...doc, options: { ...options, ...presentOptions(change) } };
  });
}
