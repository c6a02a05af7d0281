import type { Binding } from '../hooks/binding.ts';
import { type Detection, detect, leadOf } from '../replay/detection.ts';
import { NO_VERDICT } from '../replay/verdicts.ts';
import type { ScoreColumns, TraceView } from './views.ts';

/** Both sides' scores for one class against the labels of a trace. */
export interface DetectionView {
  readonly program: Detection;
  readonly reference: Detection;
  /** What is compared with a threshold. */
  readonly quantity: 'score' | 'lead';
}

/** Classes that labels name, ascending. */
export function labelledClasses(labels: Int8Array): readonly number[] {
  return [...new Set(labels)].filter((label) => label >= 0).sort((a, b) => a - b);
}

/** Detection of `positive` in the events that both sides have done and decided; null where their columns hold no score for that class. */
export function detection(
  labels: Int8Array,
  { binding, replay, reference }: { readonly binding: Binding; readonly replay: ScoreColumns; readonly reference: ScoreColumns },
  positive: number,
): DetectionView | null {
  const done = Math.min(replay.done, reference.done);
  const { output } = binding;
  const scored = output.kind === 'threshold' && output.class === positive;
  const [mine, theirs] = [replay, reference].map((columns) =>
    scored ? columns.score.subarray(0, done) : leads(columns, positive, done),
  ) as [Float64Array | null, Float64Array | null];
  if (!mine || !theirs) return null;
  // A call at which the model does not run is no event.
  const left = binding.input.kind === 'syscalls' ? NO_VERDICT : -1;
  const known = labels.map((label, i) => (replay.verdict[i] === left ? -1 : label)).subarray(0, done);
  return {
    program: detect(mine, known, positive),
    reference: detect(theirs, known, positive),
    quantity: scored ? 'score' : 'lead',
  };
}

/** How far the output of class `at` is ahead of the best other one; of a single output, how far it is on the side of the class. */
function leads({ outputs, outputWidth: width, cut }: ScoreColumns, at: number, done: number): Float64Array | null {
  if (width === 0 || (width === 1 ? at > 1 : at >= width)) return null;
  return Float64Array.from({ length: done }, (_, event) => leadOf(outputs.subarray(event * width, (event + 1) * width), at, cut));
}

/** Whether detection can be shown at all. */
export const hasLabels = (trace: TraceView | null): trace is TraceView & { readonly labels: Int8Array } => (trace?.labels ?? null) !== null;
