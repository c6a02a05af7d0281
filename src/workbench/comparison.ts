import type { Binding } from '../hooks/binding.ts';
import type { ComparisonResult } from '../reference/compare.ts';
import { atOnce, comparing } from '../replay/compare-scores.ts';
import { meets } from '../replay/verdicts.ts';
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
  /** Events that agree beyond the room for them: they have no point. */
  readonly left: number;
  /** What the axes show. */
  readonly quantity: 'score' | 'output';
}

export interface CompareView {
  readonly result: ComparisonResult;
  /** Null where no event has a score on both sides. */
  readonly maxScoreError: number | null;
  /** Events that both sides decided without running the model. */
  readonly withoutInference: number;
  readonly labels: readonly LabelAccuracy[];
  readonly scatter: Scatter;
}

export interface CompareInput {
  readonly trace: TraceView;
  readonly replay: ScoreColumns;
  readonly reference: ScoreColumns;
  readonly overlay: Overlay;
  readonly binding: Binding;
}

/** Points of events that agree, and of others. */
const MOST_POINTS = 50_000;

/** Compares the events that both the program and the reference have done. */
export const compareColumns = (input: CompareInput): CompareView => atOnce(comparingColumns(input));

/** As {@link compareColumns}, a few thousand events at a time. */
export function* comparingColumns({ trace, replay, reference, overlay, binding }: CompareInput): Generator<void, CompareView> {
  const { kind } = trace;
  const done = Math.min(replay.done, reference.done);
  const width = Math.min(replay.outputWidth, reference.outputWidth);
  const points = Math.min(kind === 'tensors' ? done * width : done, 2 * MOST_POINTS);
  const scatter = {
    reference: new Float32Array(points),
    program: new Float32Array(points),
    event: new Uint32Array(points),
    agrees: new Uint8Array(points),
  };
  const labels = new Map<number, { events: number; program: number; reference: number }>();
  let count = 0;
  let agreeing = 0;
  let left = 0;
  const both = { kind, program: replay, reference, binding, programChanged: overlay.program, referenceChanged: overlay.reference };
  const { result, maxScoreError, withoutInference } = yield* comparing(both, ({ at, mine, theirs, ran, mineValues, theirValues }) => {
    const agrees = mine.verdict === theirs.verdict;
    const add = (x: number, y: number) => {
      if (count === points || (agrees && agreeing === MOST_POINTS)) {
        left++;
        return;
      }
      if (agrees) agreeing++;
      scatter.reference[count] = x;
      scatter.program[count] = y;
      scatter.event[count] = at;
      scatter.agrees[count] = agrees ? 1 : 0;
      count++;
    };
    if (kind === 'tensors') for (let i = 0; i < Math.min(mineValues.length, theirValues.length); i++) add(theirValues[i]!, mineValues[i]!);
    else if (ran) add(theirs.score, mine.score);
    const label = trace.labels?.[at] ?? -1;
    if (label >= 0) {
      const row = labels.get(label) ?? { events: 0, program: 0, reference: 0 };
      row.events++;
      if (meets(label, mine.verdict, binding, kind)) row.program++;
      if (meets(label, theirs.verdict, binding, kind)) row.reference++;
      labels.set(label, row);
    }
  });
  return {
    result,
    maxScoreError,
    withoutInference,
    labels: [...labels].map(([label, row]) => ({ label, ...row })).sort((a, b) => a.label - b.label),
    scatter: {
      reference: scatter.reference.subarray(0, count),
      program: scatter.program.subarray(0, count),
      event: scatter.event.subarray(0, count),
      agrees: scatter.agrees.subarray(0, count),
      left,
      quantity: kind === 'tensors' ? 'output' : 'score',
    },
  };
}
