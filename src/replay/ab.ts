import type { Binding } from '../hooks/binding.ts';
import { type Pairs, pairs } from './pairs.ts';
import { eventErrors, type Scores, sayingOf } from './scores.ts';
import { type EventKind, meets, NO_VERDICT, verdictOf } from './verdicts.ts';

/** One of two sides on the same events. */
export interface AbSide {
  readonly scores: Scores;
  /** ONNX Runtime with this side's model; null for a program without one. */
  readonly reference: Scores | null;
  readonly binding: Binding | null;
}

export interface AbInput {
  readonly kind: EventKind;
  readonly a: AbSide;
  readonly b: AbSide;
  /** Class by event, below 0 where one is not known; null without labels. */
  readonly labels: ArrayLike<number> | null;
}

/** Counts of events by two decisions; only classes that occur. */
export interface Table {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** `counts[row][column]`. */
  readonly counts: readonly (readonly number[])[];
}

/** How far one side is from its reference. */
export interface SideErrors {
  readonly max: number;
  readonly mean: number;
  /** Events on which both ran. */
  readonly events: number;
}

/** What one side's decisions are worth. */
export interface AbJudged {
  readonly verdicts: Readonly<Record<string, number>>;
  /** Reference by row, program by column. */
  readonly byReference: Table | null;
  /** Label by row, program by column. */
  readonly byLabel: Table | null;
  readonly errors: SideErrors | null;
}

/** Two programs on the same events. */
export interface AbResult {
  readonly events: number;
  /** Events with the same verdict. */
  readonly same: number;
  /** A by row, B by column. */
  readonly between: Table;
  readonly a: AbJudged;
  readonly b: AbJudged;
  /** Right is what the side's own reference says; null without references. */
  readonly byReference: Pairs | null;
  /** Right is the verdict that the side's binding gives to the label; null without labels. */
  readonly byLabel: Pairs | null;
  /** Between the scores of A and B, or their outputs. */
  readonly apart: SideErrors;
  /** Events on which the verdicts differ, ascending. */
  readonly differing: Uint32Array;
}

/** Compares two sides on the events that both have done. */
export function compareSides({ kind, a, b, labels }: AbInput): AbResult {
  const done = Math.min(...[a, b].flatMap(({ scores, reference }) => [scores.done, ...(reference ? [reference.done] : [])]));
  const [mine, other] = [a.scores.verdict, b.scores.verdict];
  const events: number[] = [];
  // A call at which neither runs its model is no event.
  for (let at = 0; at < done; at++) if (mine[at] !== NO_VERDICT || other[at] !== NO_VERDICT || kind !== 'calls') events.push(at);
  const differing = events.filter((at) => mine[at] !== other[at]);
  const name = (code: number) => verdictOf(kind, code);
  const known = (at: number): number => labels?.[at] ?? -1;
  const judged = ({ scores, reference }: AbSide): AbJudged => {
    const verdict = (at: number) => scores.verdict[at]!;
    return {
      verdicts: tally(events, verdict, name),
      byReference: reference && table(events, (at) => reference.verdict[at]!, verdict, name, name),
      byLabel: labels && table(events, known, verdict, (label) => `class ${label}`, name),
      errors: reference && errorsOf(eventErrors(scores, reference, done, kind === 'tensors')),
    };
  };
  const byReference = (side: AbSide) => (at: number) => side.scores.verdict[at] === side.reference!.verdict[at];
  const byLabel = (side: AbSide) => (at: number) => (known(at) < 0 ? null : meets(known(at), side.scores.verdict[at]!, side.binding, kind));
  return {
    events: events.length,
    same: events.length - differing.length,
    between: table(
      events,
      (at) => mine[at]!,
      (at) => other[at]!,
      name,
      name,
    ),
    a: judged(a),
    b: judged(b),
    byReference: a.reference && b.reference ? pairs(events, byReference(a), byReference(b)) : null,
    byLabel: labels ? pairs(events, byLabel(a), byLabel(b)) : null,
    apart: errorsOf(eventErrors(a.scores, b.scores, done, kind === 'tensors')),
    differing: Uint32Array.from(differing),
  };
}

/** Rows and columns below 0 are left out. */
function table(
  events: readonly number[],
  row: (at: number) => number,
  column: (at: number) => number,
  rowName: (code: number) => string,
  columnName: (code: number) => string,
): Table {
  const cells = new Map<number, Map<number, number>>();
  const columns = new Set<number>();
  for (const at of events) {
    const [down, across] = [row(at), column(at)];
    if (down < 0 || across < 0) continue;
    columns.add(across);
    const line = cells.get(down) ?? new Map<number, number>();
    line.set(across, (line.get(across) ?? 0) + 1);
    cells.set(down, line);
  }
  const [downs, acrosses] = [[...cells.keys()], [...columns]].map((codes) => codes.sort((x, y) => x - y)) as [number[], number[]];
  return {
    rows: downs.map(rowName),
    columns: acrosses.map(columnName),
    counts: downs.map((down) => acrosses.map((across) => cells.get(down)!.get(across) ?? 0)),
  };
}

function tally(events: readonly number[], verdict: (at: number) => number, name: (code: number) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const at of events) counts[name(verdict(at))] = (counts[name(verdict(at))] ?? 0) + 1;
  return counts;
}

function errorsOf(errors: Float64Array): SideErrors {
  let [max, sum, events] = [0, 0, 0];
  for (const error of errors) {
    if (Number.isNaN(error)) continue;
    if (error > max) max = error;
    sum += error;
    events++;
  }
  return { max, mean: events > 0 ? sum / events : 0, events };
}

/** One event on which two sides decide differently, as lists and reports have it. */
export interface Difference {
  /** Index in the trace. */
  readonly event: number;
  readonly a: { readonly verdict: string; readonly score: number | null };
  readonly b: { readonly verdict: string; readonly score: number | null };
  /** What A's reference says; null without one. */
  readonly reference: { readonly verdict: string; readonly score: number | null } | null;
  /** What B's says, where that is another model. */
  readonly referenceB?: { readonly verdict: string; readonly score: number | null };
  readonly label: number | null;
}

/** Rows for `events`. */
export function differences({ kind, a, b, labels }: AbInput, events: Iterable<number>): Difference[] {
  const said = (scores: Scores, at: number) => {
    const score = sayingOf(scores, at);
    return { verdict: verdictOf(kind, scores.verdict[at]!), score: Number.isNaN(score) ? null : score };
  };
  return Array.from(events, (event) => ({
    event,
    a: said(a.scores, event),
    b: said(b.scores, event),
    reference: a.reference && said(a.reference, event),
    ...(b.reference && b.reference !== a.reference ? { referenceB: said(b.reference, event) } : {}),
    label: labels && labels[event]! >= 0 ? labels[event]! : null,
  }));
}
