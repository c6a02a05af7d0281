import { InputError } from '../base/errors.ts';
import type { Binding } from '../hooks/binding.ts';
import type { ComparisonResult } from '../reference/compare.ts';
import { type Counts, countsAt, type Detection } from './detection.ts';

/** One replay with everything that another must have to be compared with it; plain JSON. */
export interface RunRecord {
  readonly format: 'bpformer-run';
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly model: string;
  readonly trace: { readonly name: string; readonly events: number };
  readonly settings: {
    readonly kernel: string;
    readonly strategy: string;
    readonly quant: string;
    readonly calibration: string;
    readonly specialise: boolean;
  };
  readonly binding: Binding | null;
  readonly insns: number;
  /** Instructions that the verifier processed; null where it did not run. */
  readonly processed: number | null;
  readonly engine: string;
  /** Time of the program alone, ONNX Runtime and the reading of results left out; null where it was not taken. */
  readonly nsPerEvent: number | null;
  readonly verdicts: Readonly<Record<string, number>>;
  /** Null without a reference. */
  readonly comparison: ComparisonResult | null;
  readonly maxScoreError: number | null;
  /** Null without labels. */
  readonly detection: DetectionRecord | null;
}

export interface DetectionRecord {
  readonly class: number;
  readonly threshold: number;
  readonly program: SideRecord;
  readonly reference: SideRecord | null;
}

export interface SideRecord extends Counts {
  readonly area: number | null;
  /** Points of the curve: share of the others that is flagged, share of the class that is found. */
  readonly curve: readonly (readonly [alarmRate: number, recall: number])[];
}

const MOST_POINTS = 200;

/** One side at a threshold, with its curve in at most 200 points. */
export function sideRecord(detection: Detection, threshold: number): SideRecord {
  const { thresholds, hits, alarms, positives, negatives, area } = detection;
  const step = Math.max(1, Math.ceil(thresholds.length / MOST_POINTS));
  const curve: [number, number][] = [[0, 0]];
  for (let at = 0; at < thresholds.length; at += step) {
    curve.push([negatives > 0 ? alarms[at]! / negatives : 0, positives > 0 ? hits[at]! / positives : 0]);
  }
  curve.push([1, 1]);
  return { ...countsAt(detection, threshold), area, curve };
}

/** A figure of a run by which others are judged. */
export interface Figure {
  readonly id: 'agreement' | 'maxError' | 'precision' | 'recall' | 'insns' | 'processed' | 'ns';
  readonly value: number | null;
  /** Which way is better. */
  readonly better: 'more' | 'less';
}

export function figures(run: RunRecord): readonly Figure[] {
  return [
    { id: 'agreement', value: run.comparison?.agreement ?? null, better: 'more' },
    { id: 'maxError', value: run.maxScoreError ?? run.comparison?.maxAbsError ?? null, better: 'less' },
    { id: 'precision', value: run.detection?.program.precision ?? null, better: 'more' },
    { id: 'recall', value: run.detection?.program.recall ?? null, better: 'more' },
    { id: 'insns', value: run.insns, better: 'less' },
    { id: 'processed', value: run.processed, better: 'less' },
    { id: 'ns', value: run.nsPerEvent, better: 'less' },
  ];
}

/** Runs that no other beats in two quantities, of which less is better, in order of the first; equal ones are all there. Those without a figure are left out. */
export function paretoFront<T>(runs: readonly T[], first: (run: T) => number | null, second: (run: T) => number | null): readonly T[] {
  const known = runs.flatMap((run) => {
    const [x, y] = [first(run), second(run)];
    return x === null || y === null ? [] : [{ run, x, y }];
  });
  return known
    .filter(({ x, y }) => !known.some((other) => other.x <= x && other.y <= y && (other.x < x || other.y < y)))
    .toSorted((a, b) => a.x - b.x)
    .map(({ run }) => run);
}

/** Reads a run that was written as JSON: the figures and settings that another run is compared with. Throws {@link InputError}. */
export function parseRun(text: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('not JSON', '', 'Give a run that `replay --report` wrote as .json');
  }
  const run = value as Partial<RunRecord> | null;
  if (run?.format !== 'bpformer-run' || run.version !== 1) throw new InputError('not a run that this version reads', '');
  const problem = (
    [
      ['at', isTime(run.at)],
      ['model', typeof run.model === 'string'],
      ['trace', typeof run.trace?.name === 'string' && isNumber(run.trace.events)],
      ['settings', SETTINGS.every((name) => typeof run.settings?.[name] === 'string')],
      ['engine', typeof run.engine === 'string'],
      ['insns', isNumber(run.insns)],
      ['processed', isNumberOrNull(run.processed)],
      ['nsPerEvent', isNumberOrNull(run.nsPerEvent)],
      ['maxScoreError', isNumberOrNull(run.maxScoreError)],
      ['comparison', run.comparison === null || (isNumberOrNull(run.comparison?.agreement) && isNumber(run.comparison?.maxAbsError))],
      [
        'detection',
        run.detection === null || (isNumberOrNull(run.detection?.program?.precision) && isNumberOrNull(run.detection?.program?.recall)),
      ],
    ] as const
  ).find(([, fine]) => !fine);
  if (problem) throw new InputError(`\`${problem[0]}\` is missing or not what a run holds there`, '');
  return run as RunRecord;
}

const SETTINGS = ['kernel', 'strategy', 'quant', 'calibration'] as const;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isNumberOrNull = (value: unknown): boolean => value === null || isNumber(value);
/** What `Date` can hold. */
const isTime = (value: unknown): boolean => isNumber(value) && Math.abs(value) <= 8.64e15;
