import { InputError } from '../base/errors.ts';
import { cutOf } from '../reference/compare.ts';
import type { AbRecord } from '../replay/ab-record.ts';
import { detect, leadOf } from '../replay/detection.ts';
import type { ReplaySummary, Scored } from '../replay/replay.ts';
import { comparisonHtml, type Restore, reportHtml } from '../replay/report.ts';
import { type DetectionRecord, parseRun, type RunRecord, sideRecord } from '../replay/run-record.ts';
import { readLabels } from '../traces/labels.ts';
import type { KernelVersion } from '../verifier/api.ts';
import { verify } from '../verifier/verify.ts';
import { fileName, readInput, readText, within, writeOutput } from './io.ts';
import type { Side } from './sides.ts';

/** Collects the scores of both sides and judges them by labels. */
export class Detector {
  readonly #labels: Int8Array;
  readonly #class: number;
  readonly #threshold: number;
  readonly #score: (scored: Scored) => number;
  readonly #program: number[] = [];
  readonly #reference: number[] = [];

  /** `count`: events of the trace. `wanted`: the class to detect; without it that of the binding's threshold, else the highest that is labelled. */
  constructor(
    path: string,
    count: number,
    { binding, meta, path: program }: Pick<Side, 'binding' | 'meta' | 'path'>,
    wanted: number | null,
  ) {
    if (!binding) throw new InputError('gives no score that labels could judge: it has no .debug_bpformer section', program);
    this.#labels = readLabels(readInput(path), path, count);
    const { output } = binding;
    const bound = output.kind === 'threshold' ? output : null;
    this.#class = wanted ?? bound?.class ?? Math.max(...this.#labels);
    const scored = bound !== null && bound.class === this.#class;
    this.#threshold = scored ? bound.threshold : 0;
    const cut = cutOf(meta?.model.nodes ?? []);
    this.#score = scored ? ({ score }) => score : ({ values }) => leadOf(values, this.#class, cut);
  }

  readonly take = (_event: number, program: Scored, reference: Scored | null): void => {
    this.#program.push(this.#score(program));
    if (reference) this.#reference.push(this.#score(reference));
  };

  record(): DetectionRecord {
    const side = (scores: readonly number[]) => sideRecord(detect(scores, this.#labels, this.#class), this.#threshold);
    return {
      class: this.#class,
      threshold: this.#threshold,
      program: side(this.#program),
      reference: this.#reference.length > 0 ? side(this.#reference) : null,
    };
  }
}

/** For the answer on the command line: figures at the threshold alone. */
export function withoutCurves({ program, reference, ...at }: DetectionRecord) {
  const { curve: _mine, ...mine } = program;
  if (!reference) return { ...at, program: mine, reference };
  const { curve: _theirs, ...theirs } = reference;
  return { ...at, program: mine, reference: theirs };
}

interface Ran {
  readonly side: Side;
  readonly trace: string;
  readonly engine: string;
  readonly summary: ReplaySummary;
  readonly detection: DetectionRecord | null;
}

/** A run with its settings; verifies the program for the count of processed instructions. */
export function runRecord({ side, trace, engine, summary, detection }: Ran, kernel: KernelVersion): RunRecord {
  const { meta, program, path, binding } = side;
  const { eventsPerSecond, ...measured } = summary;
  const target = meta?.kernel ?? kernel;
  return {
    format: 'bpformer-run',
    version: 1,
    at: Date.now(),
    model: fileName(path),
    trace: { name: fileName(trace), events: summary.events },
    settings: {
      kernel: target,
      strategy: meta?.strategy ?? '–',
      quant: meta?.quant ?? '–',
      calibration: !meta
        ? '–'
        : meta.calibration.method
          ? `${meta.calibration.source}, ${meta.calibration.method}`
          : meta.calibration.source,
      specialise: meta?.specialised ?? false,
    },
    binding,
    insns: program.insns.length,
    processed: verify(program, { kernel: target, privilege: 'root', logLevel: 0 }).processed,
    engine,
    nsPerEvent: eventsPerSecond > 0 ? 1e9 / eventsPerSecond : null,
    verdicts: measured.verdicts,
    comparison: measured.comparison,
    maxScoreError: measured.maxScoreError,
    detection,
  };
}

/** Whether a report is a page; throws {@link InputError} for what is neither a page nor JSON. */
export function isPage(path: string): boolean {
  const html = /\.html?$/i.test(path);
  if (!html && !/\.json$/i.test(path)) throw new InputError('a report is an .html or a .json file', path);
  return html;
}

/** Writes a run as JSON or as a page, beside the run in the JSON file `baseline` where that is given. */
export function writeReport(path: string, run: RunRecord, baseline: string | undefined, restore: Restore): void {
  const html = isPage(path);
  if (baseline !== undefined && !html) throw new InputError('a baseline stands in an .html report', '--baseline');
  const before = baseline === undefined ? null : within(baseline, () => parseRun(readText(baseline)));
  writeOutput(path, html ? reportHtml(run, before, restore) : `${JSON.stringify(run, null, 1)}\n`);
}

/** Writes a comparison of two programs as JSON or as a page. */
export function writeComparison(path: string, record: AbRecord, restore: Restore): void {
  writeOutput(path, isPage(path) ? comparisonHtml(record, restore) : `${JSON.stringify(record, null, 1)}\n`);
}
