import type { Binding } from '../hooks/binding.ts';
import { Comparison, type ComparisonResult, chooseClass } from '../reference/compare.ts';
import { scoreAt, VERDICT_NAMES } from './selectors.ts';
import type { Overlay } from './store.ts';
import type { ScoreColumns, TraceView } from './views.ts';

/** How often a program, or the reference, gives events of a class what their label asks for. */
export interface LabelAccuracy {
  readonly label: number;
  readonly events: number;
  readonly program: number;
  readonly reference: number;
}

export interface Scatter {
  readonly reference: Float32Array;
  readonly program: Float32Array;
  /** Event of each point. */
  readonly event: Uint32Array;
  readonly agrees: Uint8Array;
  /** What the axes show. */
  readonly quantity: 'score' | 'output';
}

export interface CompareView {
  readonly result: ComparisonResult;
  readonly maxScoreError: number;
  /** Events that both sides decided without running the model. */
  readonly withoutInference: number;
  readonly labels: readonly LabelAccuracy[];
  readonly scatter: Scatter;
}

/** A score this near the threshold may fall either way; the share of such events is stated. */
export const NEAR = 0.1;

interface CompareInput {
  readonly trace: TraceView;
  readonly replay: ScoreColumns;
  readonly reference: ScoreColumns;
  readonly overlay: Overlay;
  readonly binding: Binding;
}

/** Compares the events that both the program and the reference have done. */
export function compareColumns({ trace, replay, reference, overlay, binding }: CompareInput): CompareView {
  const done = Math.min(replay.done, reference.done);
  const tensors = trace.kind === 'tensors';
  const width = Math.min(replay.outputWidth, reference.outputWidth);
  const names = tensors ? Array.from({ length: Math.max(2, width) }, (_, at) => String(at)) : [...VERDICT_NAMES];
  const comparison = new Comparison(names, NEAR);
  const threshold = binding.output.kind === 'threshold' ? binding.output.threshold : null;
  const points = tensors ? done * width : done;
  const scatter = {
    reference: new Float32Array(points),
    program: new Float32Array(points),
    event: new Uint32Array(points),
    agrees: new Uint8Array(points),
  };
  const labels = new Map<number, { events: number; program: number; reference: number }>();
  let [count, maxScoreError, withoutInference] = [0, 0, 0];
  for (let i = 0; i < done; i++) {
    const mine = scoreAt(replay, overlay.program, i)!;
    const theirs = scoreAt(reference, overlay.reference, i)!;
    const ran = tensors || !(Number.isNaN(mine.score) && Number.isNaN(theirs.score));
    const agrees = mine.verdict === theirs.verdict;
    if (!ran) withoutInference++;
    const changed = overlay.program.has(i) || overlay.reference.has(i);
    const referenceValues = !ran
      ? []
      : width > 0 && !changed
        ? reference.outputs.subarray(i * reference.outputWidth, i * reference.outputWidth + width)
        : [theirs.score];
    const actualValues = !ran
      ? []
      : width > 0 && !changed
        ? replay.outputs.subarray(i * replay.outputWidth, i * replay.outputWidth + width)
        : [mine.score];
    const margin = threshold !== null ? Math.abs(theirs.score - threshold) : chooseClass(referenceValues, reference.cut).margin;
    comparison.add({
      reference: theirs.verdict,
      actual: mine.verdict,
      margin: ran ? margin : Number.POSITIVE_INFINITY,
      referenceValues,
      actualValues,
    });
    if (ran && !tensors) maxScoreError = Math.max(maxScoreError, Math.abs(mine.score - theirs.score));
    const add = (x: number, y: number) => {
      scatter.reference[count] = x;
      scatter.program[count] = y;
      scatter.event[count] = i;
      scatter.agrees[count] = agrees ? 1 : 0;
      count++;
    };
    if (tensors) for (let at = 0; at < width; at++) add(referenceValues[at]!, actualValues[at]!);
    else if (ran) add(theirs.score, mine.score);
    const label = trace.labels?.[i] ?? -1;
    if (label >= 0) {
      const row = labels.get(label) ?? { events: 0, program: 0, reference: 0 };
      row.events++;
      if (meets(label, mine.verdict, binding, tensors)) row.program++;
      if (meets(label, theirs.verdict, binding, tensors)) row.reference++;
      labels.set(label, row);
    }
  }
  return {
    result: comparison.result(),
    maxScoreError,
    withoutInference,
    labels: [...labels].map(([label, row]) => ({ label, ...row })).sort((a, b) => a.label - b.label),
    scatter: {
      reference: scatter.reference.subarray(0, count),
      program: scatter.program.subarray(0, count),
      event: scatter.event.subarray(0, count),
      agrees: scatter.agrees.subarray(0, count),
      quantity: tensors ? 'output' : 'score',
    },
  };
}

/** Whether a verdict is the one that the binding gives to class `label`. */
function meets(label: number, verdict: number, binding: Binding, tensors: boolean): boolean {
  if (tensors) return verdict === label;
  const { output } = binding;
  const name = VERDICT_NAMES[verdict];
  if (output.kind === 'threshold') return name === (label === output.class ? output.above : output.below);
  if (output.kind === 'argmax') return name === output.verdicts[label];
  return verdict === label;
}
