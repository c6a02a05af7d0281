import {
  type AbInput,
  type AbJudged,
  type AbResult,
  type AbSide,
  compareSides,
  type Difference,
  differences,
  type SideErrors,
  type Table,
} from './ab.ts';
import { type Spread, spread } from './over-time.ts';
import type { Pairs } from './pairs.ts';
import type { RunRecord } from './run-record.ts';
import { eventErrors } from './scores.ts';
import type { TurnTimes } from './turns.ts';
import type { EventKind } from './verdicts.ts';

/** Two programs on one trace, as plain JSON (docs/cli.md describes it). */
export interface AbRecord {
  readonly format: 'bpformer-comparison';
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly a: RunRecord;
  readonly b: RunRecord;
  readonly events: number;
  /** Events with the same verdict. */
  readonly same: number;
  /** A by row, B by column. */
  readonly between: Table;
  readonly byReference: { readonly a: Table | null; readonly b: Table | null };
  readonly byLabel: { readonly a: Table | null; readonly b: Table | null };
  readonly pairs: { readonly reference: Pairs | null; readonly labels: Pairs | null };
  /** Differences of each side from its reference, in the same bins; null without one. */
  readonly errors: {
    readonly a: ErrorRecord | null;
    readonly b: ErrorRecord | null;
    readonly between: SideErrors;
  };
  /** Measured in one run, in turns; null where it was not. */
  readonly times: TurnTimes | null;
  /** The first events on which the verdicts differ. */
  readonly differing: readonly Difference[];
  /** All of them. */
  readonly differs: number;
}

export interface ErrorRecord extends SideErrors {
  readonly spread: Spread;
}

/** Decades of the distribution of errors, and bins in each. */
const [DECADES, PER_DECADE] = [6, 4];

/** What all events say of two programs. */
export interface AbCompared {
  readonly result: AbResult;
  readonly errors: Pick<AbRecord['errors'], 'a' | 'b'>;
}

/** Goes through all events that both sides have done; of a million events this takes a second and more. */
export function compareAll(input: AbInput): AbCompared {
  const result = compareSides(input);
  return { result, errors: errorRecords(input.kind, input, result) };
}

/** Distributions of both sides' errors in the same bins, below the larger one's greatest error. */
function errorRecords(
  kind: EventKind,
  sides: { readonly a: AbSide; readonly b: AbSide },
  { a, b }: Pick<AbResult, 'a' | 'b'>,
): AbCompared['errors'] {
  const greatest = Math.ceil(Math.log10(Math.max(a.errors?.max ?? 0, b.errors?.max ?? 0) || 1));
  const of = ({ scores, reference }: AbSide, judged: AbJudged): ErrorRecord | null =>
    reference && judged.errors
      ? {
          ...judged.errors,
          spread: spread(
            eventErrors(scores, reference, Math.min(scores.done, reference.done), kind === 'tensors'),
            greatest - DECADES,
            greatest,
            PER_DECADE,
          ),
        }
      : null;
  return { a: of(sides.a, a), b: of(sides.b, b) };
}

interface AbReport extends AbCompared {
  readonly kind: EventKind;
  readonly sides: { readonly a: AbSide; readonly b: AbSide };
  readonly labels: ArrayLike<number> | null;
  readonly runs: { readonly a: RunRecord; readonly b: RunRecord };
  readonly times: TurnTimes | null;
  /** Differing events that are listed. */
  readonly most: number;
}

export function abRecord({ kind, sides, labels, result, errors, runs, times, most }: AbReport): AbRecord {
  const { a, b } = result;
  return {
    format: 'bpformer-comparison',
    version: 1,
    at: runs.a.at,
    ...runs,
    events: result.events,
    same: result.same,
    between: result.between,
    byReference: { a: a.byReference, b: b.byReference },
    byLabel: { a: a.byLabel, b: b.byLabel },
    pairs: { reference: result.byReference, labels: result.byLabel },
    errors: { ...errors, between: result.apart },
    times,
    differing: differences({ kind, ...sides, labels }, result.differing.subarray(0, most)),
    differs: result.differing.length,
  };
}
