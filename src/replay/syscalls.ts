import { VERDICT_ORDER } from '../hooks/decide.ts';
import type { FittedBinding } from '../hooks/fit.ts';
import type { SyscallInput } from '../hooks/syscalls/binding.ts';
import { CallWindows } from '../hooks/syscalls/windows.ts';
import type { Model, ValueInfo } from '../onnx/model.ts';
import { Comparison } from '../reference/compare.ts';
import type { Tensors } from '../reference/reference.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import type { ReferenceOutcome, ReferenceRunner } from './reference-runner.ts';
import type { ReplayOptions, ReplaySummary, Scored } from './replay.ts';
import { type ModelRunner, type Outcome, probability } from './runner.ts';
import { NO_VERDICT } from './verdicts.ts';

const NEAR = 0.1;

/** A verdict on a process, and the call at which it fell. */
export interface CallVerdict {
  /** Index of the call in the trace. */
  readonly index: number;
  readonly call: SystemCall;
  readonly verdict: string;
  readonly score: number;
}

function tensorOf(tokens: Uint16Array, { dtype, dims }: ValueInfo) {
  return { dtype, dims, data: dtype === 'int32' ? Int32Array.from(tokens) : BigInt64Array.from(tokens, BigInt) };
}

/** The model's inputs at the calls where it runs, by the index of the call. */
export function callInputsByIndex(calls: readonly SystemCall[], fitted: FittedBinding, model: Model): Map<number, Tensors> {
  const input = model.inputs.find(({ name }) => name === fitted.inputName)!;
  const windows = new CallWindows(fitted.input as SyscallInput);
  const inputs = new Map<number, Tensors>();
  for (const [index, { pid, nr }] of calls.entries()) {
    const tokens = windows.next(pid, nr);
    if (tokens) inputs.set(index, { [input.name]: tensorOf(tokens, input) });
  }
  return inputs;
}

/** The model's inputs at the calls where it runs. */
export const callInputs = (calls: readonly SystemCall[], fitted: FittedBinding, model: Model): Tensors[] => [
  ...callInputsByIndex(calls, fitted, model).values(),
];

interface CallOptions extends Pick<ReplayOptions, 'onScored'> {
  onVerdict?(verdict: CallVerdict): void;
}

/** What is said of a call at which the model does not run. */
export const UNSEEN: Scored = { verdict: NO_VERDICT, score: Number.NaN, values: [] };

/** What a program says of a call at which it ran the model. */
export const callScored = (outcome: Outcome): Scored => ({
  verdict: VERDICT_ORDER.indexOf(outcome.score!.verdict),
  score: probability(outcome),
  values: Object.values(outcome.outputs!)[0]!,
});

/** What ONNX Runtime says of it. */
export const callReferenceScored = (said: ReferenceOutcome, { outputName }: FittedBinding): Scored => ({
  verdict: VERDICT_ORDER.indexOf(said.verdict),
  score: said.score,
  values: said.outputs![outputName]!,
});

/** Runs system calls through the program and, if there is one, the reference; the verdicts are those on processes, at every so many calls. */
export async function replayCalls(
  calls: readonly SystemCall[],
  runner: ModelRunner,
  beside?: { readonly reference: ReferenceRunner; readonly fitted: FittedBinding; readonly model: Model },
  options: CallOptions = {},
): Promise<ReplaySummary> {
  const comparison = beside ? new Comparison(VERDICT_ORDER, NEAR) : null;
  const expected = beside ? callInputs(calls, beside.fitted, beside.model) : [];
  const verdicts: Record<string, number> = {};
  let maxScoreError: number | null = null;
  let ms = 0;
  let judged = 0;
  for (const [index, call] of calls.entries()) {
    const before = performance.now();
    const outcome = runner.runCall(call);
    ms += performance.now() - before;
    if (!outcome) {
      options.onScored?.(index, UNSEEN, beside ? UNSEEN : null);
      continue;
    }
    const { verdict } = outcome.score!;
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    const mine = callScored(outcome);
    options.onVerdict?.({ index, call, verdict, score: mine.score });
    if (!beside) {
      options.onScored?.(index, mine, null);
      continue;
    }
    const said = await beside.reference.judge(expected[judged++]!, beside.fitted);
    options.onScored?.(index, mine, callReferenceScored(said, beside.fitted));
    maxScoreError = Math.max(maxScoreError ?? 0, Math.abs(said.score - mine.score));
    const { outputName } = beside.fitted;
    comparison!.add({
      reference: VERDICT_ORDER.indexOf(said.verdict),
      actual: VERDICT_ORDER.indexOf(verdict),
      margin: said.margin,
      referenceValues: said.outputs![outputName]!,
      actualValues: outcome.outputs![outputName]!,
    });
  }
  // The program must have run the model as often as the reference says.
  if (beside && judged !== expected.length) throw new Error(`the program ran the model ${judged} times, the reference ${expected.length}`);
  const eventsPerSecond = ms > 0 ? (calls.length / ms) * 1000 : 0;
  return { events: calls.length, verdicts, comparison: comparison?.result() ?? null, maxScoreError, eventsPerSecond };
}
