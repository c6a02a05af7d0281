import { atOnce, comparing } from '../replay/compare-scores.ts';
import { type DetectionRecord, type RunRecord, sideRecord } from '../replay/run-record.ts';
import { type EventKind, NO_VERDICT, verdictOf } from '../replay/verdicts.ts';
import { detection, labelledClasses } from './detection.ts';
import type { ProjectDoc } from './document.ts';
import { stageKeys } from './keys.ts';
import type { ScoreColumns, TraceView } from './views.ts';

/** A run, and the document that gave it. */
export interface KeptRun {
  readonly key: string;
  readonly record: RunRecord;
  readonly doc: ProjectDoc;
  /** What the user calls it. */
  readonly name?: string;
}

/** One program on one trace, as it was measured in this tab. */
interface Measured {
  readonly doc: ProjectDoc;
  readonly trace: Pick<TraceView, 'kind' | 'file' | 'labels'>;
  readonly insns: number;
  readonly processed: number;
  readonly replay: ScoreColumns;
  /** Null for a program without a model. */
  readonly reference: ScoreColumns | null;
  readonly nsPerEvent: number | null;
}

/** Equal for the same program on the same trace. */
export const runKey = (doc: ProjectDoc): string => JSON.stringify([stageKeys(doc).replay, doc.options.kernel]);

export const keptRun = (measured: Measured): KeptRun => atOnce(keepingRun(measured));

/** As {@link keptRun}, a few thousand events at a time. */
export function* keepingRun({ doc, trace, insns, processed, replay, reference, nsPerEvent }: Measured): Generator<void, KeptRun> {
  const { options, binding } = doc;
  const compared = reference && (yield* comparing({ kind: trace.kind, program: replay, reference, binding }));
  const isModel = doc.source?.kind === 'model';
  return {
    key: runKey(doc),
    doc,
    record: {
      format: 'bpformer-run',
      version: 1,
      at: Date.now(),
      model: doc.fork ? `${doc.source?.blob.name} (edited)` : (doc.source?.blob.name ?? ''),
      trace: { name: trace.file, events: replay.total },
      settings: {
        kernel: options.kernel,
        strategy: isModel ? options.strategy : '–',
        quant: isModel ? options.quant : '–',
        calibration: !isModel ? '–' : options.method ? `${doc.calibration.kind}, ${options.method}` : doc.calibration.kind,
        specialise: options.specialise ?? false,
      },
      binding,
      insns,
      processed,
      engine: replay.engine ?? '',
      nsPerEvent,
      verdicts: verdictsOf(replay.verdict, trace.kind),
      comparison: compared?.result ?? null,
      maxScoreError: compared?.maxScoreError ?? null,
      detection: detectionOf(doc, trace.labels, replay, reference),
    },
  };
}

function verdictsOf(verdicts: ScoreColumns['verdict'], kind: EventKind): Record<string, number> {
  const counts = new Uint32Array(2 ** (8 * verdicts.BYTES_PER_ELEMENT));
  for (const verdict of verdicts) counts[verdict]!++;
  // A call at which the model did not run has no verdict.
  if (kind === 'calls') counts[NO_VERDICT] = 0;
  return Object.fromEntries([...counts].flatMap((count, verdict) => (count > 0 ? [[verdictOf(kind, verdict), count]] : [])));
}

function detectionOf(
  { binding }: ProjectDoc,
  labels: Int8Array | null,
  replay: ScoreColumns,
  reference: ScoreColumns | null,
): DetectionRecord | null {
  if (!labels || !binding) return null;
  const bound = binding.output.kind === 'threshold' ? binding.output : null;
  const positive = bound?.class ?? labelledClasses(labels).at(-1) ?? 0;
  const view = detection(labels, { binding, replay, reference: reference ?? replay }, positive);
  const threshold = bound?.threshold ?? 0;
  return (
    view && {
      class: positive,
      threshold,
      program: sideRecord(view.program, threshold),
      reference: reference && sideRecord(view.reference, threshold),
    }
  );
}
