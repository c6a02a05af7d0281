import { Cancelled } from '../base/progress.ts';
import type { FixedStrategy } from '../compiler/api.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { LoopForm } from '../verifier/whatif/rewrite.ts';
import { programFor } from './clients.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import type { FormView, LoopView, StrategyView } from './strategy-views.ts';

export const strategiesWorker = new WorkerClient(
  'strategies',
  () => new Worker(new URL('./workers/strategies.worker.ts', import.meta.url), { type: 'module', name: 'strategies' }),
  'project',
);

function call<T>(key: string, method: string, args: object, options: CallOptions = {}): Promise<T> {
  const program = programFor(strategiesWorker, key);
  if (!program) return Promise.reject(new Cancelled());
  return strategiesWorker.call<T>(method, { program, ...args }, options);
}

/** The model of program `key` compiled with a strategy; a run is timed on `packet`. */
export const compileWith = (
  key: string,
  args: { strategy: FixedStrategy; kernel: KernelVersion; packet: Uint8Array },
  options: CallOptions,
): Promise<StrategyView> => call(key, 'compileWith', args, options);

/** The loop around an instruction. */
export const loopAt = (key: string, insn: number): Promise<LoopView | null> => call(key, 'loopAt', { insn });

/** Program `key` with that loop in another form; as it is for null. */
export const loopAs = (
  key: string,
  args: { insn: number; form: LoopForm | null; kernel: KernelVersion },
  options: CallOptions,
): Promise<FormView> => call(key, 'loopAs', args, options);
