import type { Binding } from '../hooks/binding.ts';
import { Comparison, type ComparisonResult, chooseClass } from '../reference/compare.ts';
import { type Scores, valuesAt } from './scores.ts';
import { type EventKind, verdictNames, verdictOf } from './verdicts.ts';

/** A score this near the threshold may fall either way; the share of such events is stated. */
export const NEAR = 0.1;

export interface Compared {
  readonly result: ComparisonResult;
  /** Null where no event has a score on both sides. */
  readonly maxScoreError: number | null;
  /** Events that both sides decided without running the model. */
  readonly withoutInference: number;
}

/** One side's answer to one event. */
export interface Said {
  readonly score: number;
  readonly verdict: number;
}

/** An event as it was compared. */
export interface ComparedEvent {
  readonly at: number;
  readonly mine: Said;
  readonly theirs: Said;
  /** Whether any side ran the model. */
  readonly ran: boolean;
  readonly mineValues: ArrayLike<number>;
  readonly theirValues: ArrayLike<number>;
}

interface CompareInput {
  readonly kind: EventKind;
  readonly program: Scores;
  readonly reference: Scores;
  readonly binding: Binding | null;
  /** Answers that stand in front of the columns, by event. */
  readonly programChanged?: ReadonlyMap<number, Said>;
  readonly referenceChanged?: ReadonlyMap<number, Said>;
}

const NO_CHANGES: ReadonlyMap<number, Said> = new Map();

/** Classes of tensors that have a row each, whether they occur or not; of more only those that do. */
const ALL_CLASSES = 256;

/** Events between two places where a comparison may rest. */
const SLICE = 4096;

/** Compares the events that both the program and the reference have done, with the figures of `replay --compare ort`. */
export function compareScores(input: CompareInput, onEvent?: (event: ComparedEvent) => void): Compared {
  return atOnce(comparing(input, onEvent));
}

/** As {@link compareScores}, a few thousand events at a time. */
export function* comparing(
  { kind, program, reference, binding, programChanged = NO_CHANGES, referenceChanged = NO_CHANGES }: CompareInput,
  onEvent?: (event: ComparedEvent) => void,
): Generator<void, Compared> {
  const done = Math.min(program.done, reference.done);
  const tensors = kind === 'tensors';
  let classes = reference.outputWidth;
  // More than the outputs that are kept, where those are too many.
  if (tensors) for (let at = 0; at < done; at++) classes = Math.max(classes, program.verdict[at]! + 1, reference.verdict[at]! + 1);
  const rows = tensors && classes > ALL_CLASSES ? occurring(program, reference, done) : null;
  const names = rows ? [...rows.keys()].map((code) => verdictOf(kind, code)) : verdictNames(kind, classes);
  // A return value that is no action counts as the kernel takes it: aborted.
  const rowOf = (code: number): number => rows?.get(code) ?? (code < names.length ? code : 0);
  const comparison = new Comparison(names, NEAR);
  const threshold = binding?.output.kind === 'threshold' ? binding.output.threshold : null;
  let maxScoreError: number | null = null;
  let withoutInference = 0;
  for (let at = 0; at < done; at++) {
    if (at % SLICE === SLICE - 1) yield;
    const mine = programChanged.get(at) ?? { score: program.score[at]!, verdict: program.verdict[at]! };
    const theirs = referenceChanged.get(at) ?? { score: reference.score[at]!, verdict: reference.verdict[at]! };
    const changed = programChanged.has(at) || referenceChanged.has(at);
    const [mineRan, theirsRan] = [tensors || !Number.isNaN(mine.score), tensors || !Number.isNaN(theirs.score)];
    const both = mineRan && theirsRan;
    // A call at which neither runs the model is no event.
    if (kind === 'calls' && !mineRan && !theirsRan) {
      withoutInference++;
      continue;
    }
    const own = changed ? [] : valuesAt(program, at);
    const other = changed ? [] : valuesAt(reference, at);
    // Scores stand in for outputs that are not kept.
    const byScore = !tensors && (own.length === 0 || other.length === 0);
    const mineValues = !both ? [] : byScore ? [mine.score] : own;
    const theirValues = !both ? [] : byScore ? [theirs.score] : other;
    let margin = Number.POSITIVE_INFINITY;
    if (theirsRan) margin = threshold === null ? chooseClass(other, reference.cut).margin : Math.abs(theirs.score - threshold);
    comparison.add({
      reference: rowOf(theirs.verdict),
      actual: rowOf(mine.verdict),
      margin,
      referenceValues: theirValues,
      actualValues: mineValues,
    });
    if (both && !tensors) maxScoreError = Math.max(maxScoreError ?? 0, Math.abs(mine.score - theirs.score));
    if (!mineRan && !theirsRan) withoutInference++;
    onEvent?.({ at, mine, theirs, ran: mineRan || theirsRan, mineValues, theirValues });
  }
  return { result: comparison.result(), maxScoreError, withoutInference };
}

/** Codes that some event has on either side, ascending, with the row of each. */
function occurring(program: Scores, reference: Scores, done: number): ReadonlyMap<number, number> {
  const codes = new Set<number>();
  for (let at = 0; at < done; at++) codes.add(program.verdict[at]!).add(reference.verdict[at]!);
  return new Map([...codes].sort((a, b) => a - b).map((code, row) => [code, row]));
}

/** Runs work that could rest to its end. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
