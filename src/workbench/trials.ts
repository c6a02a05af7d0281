import { Cancelled } from '../base/progress.ts';
import type { Strategy } from '../compiler/api.ts';
import { STRATEGIES, whyNot } from '../compiler/strategy.ts';
import { withOptions } from './ab.ts';
import type { ProjectOptions } from './document.ts';
import { type CallOptions, RemoteError } from './rpc.ts';
import { keptRun, runKey } from './run-records.ts';
import { noteRun, useRuns } from './runs.ts';
import { buildSide, referenceFor, runAlone } from './side-run.ts';
import { currentDoc, useWorkbench } from './store.ts';

/** Precisions of all products that are tried, from the finest on. */
const PRECISIONS = ['w16a16', 'w8a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8'] as const;

/** Every precision with the loops of the project, and every loop strategy with its precision. */
export function trialOptions({ kernel, quant, strategy }: ProjectOptions): readonly Pick<ProjectOptions, 'quant' | 'strategy'>[] {
  const strategies: readonly Strategy[] = STRATEGIES.map(({ name }) => name).filter((name) => whyNot(name, kernel) === null);
  const all = [...PRECISIONS.map((one) => ({ quant: one, strategy })), ...strategies.map((one) => ({ quant, strategy: one }))];
  return all.filter((one) => one.quant !== quant || one.strategy !== strategy);
}

/** Runs the open trace through the model with other options, and notes each run. Gives those that could not be compiled or are rejected. */
export async function tryAll(
  options: CallOptions,
  say: (name: string, at: number, of: number) => string,
  nameOf: (options: ProjectOptions) => string,
): Promise<readonly string[]> {
  const { value: trace } = useWorkbench.getState().stages.trace;
  const doc = currentDoc();
  if (!trace || !doc.trace || doc.source?.kind !== 'model') return [];
  const reference = await referenceFor(doc, trace.count, options);
  const refused: string[] = [];
  const trials = trialOptions(doc.options);
  for (const [at, change] of trials.entries()) {
    const tried = { ...withOptions(doc, change), edits: [] };
    const name = nameOf(tried.options);
    if (useRuns.getState().runs.some(({ key }) => key === runKey(tried))) continue;
    const told: CallOptions = {
      signal: options.signal,
      onProgress: (_, done, total) =>
        options.onProgress?.(say(name, at + 1, trials.length), at + (total > 0 ? done / total : 0), trials.length),
    };
    told.onProgress?.('', 0, 1);
    try {
      const built = await buildSide(tried, told);
      const replay = await runAlone(built, doc.trace, trace.count, told);
      const nsPerEvent = replay.busyMs === undefined ? null : (replay.busyMs * 1e6) / replay.total;
      noteRun(keptRun({ doc: tried, trace, insns: built.insns, processed: built.processed, replay, reference, nsPerEvent }));
    } catch (error) {
      if (error instanceof Cancelled || !(error instanceof RemoteError)) throw error;
      refused.push(name);
    }
  }
  return refused;
}
