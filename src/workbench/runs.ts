import { create } from 'zustand';
import { VERDICT_ORDER } from '../hooks/decide.ts';
import { type DetectionRecord, type RunRecord, sideRecord } from '../replay/run-record.ts';
import { NO_VERDICT } from '../replay/verdicts.ts';
import { comparingColumns } from './comparison.ts';
import { detection, hasLabels, labelledClasses } from './detection.ts';
import type { ProjectDoc } from './document.ts';
import { inSlices } from './in-slices.ts';
import { stageKeys } from './keys.ts';
import { editDoc, useWorkbench, type WorkbenchState } from './store.ts';

/** A run, and the document that gave it. */
export interface KeptRun {
  readonly key: string;
  readonly record: RunRecord;
  readonly doc: ProjectDoc;
}

interface RunsState {
  /** Latest first. */
  readonly runs: readonly KeptRun[];
  /** Key of the run that others are compared with; '' without one. */
  readonly baseline: string;
}

const STORED = 'bpformer.runs';
/** A record is some 20 kB, and the browser keeps 5 MB. */
const MOST_RUNS = 40;

export const useRuns = create<RunsState>()(() => stored());

function stored(): RunsState {
  try {
    const value = JSON.parse(localStorage.getItem(STORED) ?? 'null') as Partial<RunsState> | null;
    const runs = (Array.isArray(value?.runs) ? value.runs : []).filter((run) => run?.record?.format === 'bpformer-run' && run.doc?.options);
    return { runs, baseline: typeof value?.baseline === 'string' ? value.baseline : '' };
  } catch {
    return { runs: [], baseline: '' };
  }
}

function keep(state: RunsState): void {
  useRuns.setState(state);
  try {
    localStorage.setItem(STORED, JSON.stringify(state));
  } catch {
    // Storage that is full or denied: the history lasts as long as the tab.
  }
}

let watching = false;

/** Notes, from now on, every replay that is complete on both sides and whose program the verifier has judged. */
export function watchRuns(): void {
  if (watching) return;
  watching = true;
  const look = (state: WorkbenchState) => {
    void completeRun(state).then((record) => {
      if (record) note(record);
    });
  };
  look(useWorkbench.getState());
  useWorkbench.subscribe(look);
}

function note(run: KeptRun): void {
  const { runs, baseline } = useRuns.getState();
  if (runs[0]?.key === run.key && runs[0].record.nsPerEvent === run.record.nsPerEvent) return;
  const kept = [run, ...runs.filter(({ key }) => key !== run.key)];
  // The baseline stays, however old it is.
  const dropped = kept.length > MOST_RUNS ? kept.findLastIndex(({ key }) => key !== baseline) : -1;
  keep({ runs: kept.filter((_, at) => at !== dropped), baseline });
}

let last: { readonly replay: unknown; readonly reference: unknown; readonly verified: unknown } | null = null;

/** The run on show, if it is whole, ran in this tab and is not noted yet. */
async function completeRun({ stages, history: { doc } }: WorkbenchState): Promise<KeptRun | null> {
  const { trace, program, verified, replay, reference } = stages;
  if ([trace, program, verified, replay, reference].some(({ value, stale }) => value === null || stale)) return null;
  // What ONNX Runtime said may have come with the sample; times must be of this browser.
  if (replay.shipped) return null;
  const [mine, theirs] = [replay.value!, reference.value!];
  if (mine.done < mine.total || theirs.done < theirs.total || mine.live !== undefined || mine.swapped) return null;
  if (last && last.replay === mine && last.reference === theirs && last.verified === verified.value) return null;
  const keys = stageKeys(doc);
  if (!doc.binding || doc.source?.kind !== 'model' || replay.key !== keys.replay || reference.key !== keys.reference) return null;
  last = { replay: mine, reference: theirs, verified: verified.value };
  const overlay = { program: new Map(), reference: new Map() };
  const both = { trace: trace.value!, replay: mine, reference: theirs, overlay, binding: doc.binding };
  const { result, maxScoreError } = await inSlices(comparingColumns(both));
  const tensors = trace.value!.kind === 'tensors';
  const { options } = doc;
  return {
    key: JSON.stringify([keys.replay, options.kernel]),
    doc,
    record: {
      format: 'bpformer-run',
      version: 1,
      at: Date.now(),
      model: doc.source.blob.name,
      trace: { name: trace.value!.file, events: mine.total },
      settings: {
        kernel: options.kernel,
        strategy: options.strategy,
        quant: options.quant,
        calibration: options.method ? `${doc.calibration.kind}, ${options.method}` : doc.calibration.kind,
        specialise: options.specialise ?? false,
      },
      binding: doc.binding,
      insns: program.value!.code.length / 8,
      processed: verified.value!.processed,
      engine: mine.engine ?? '',
      nsPerEvent: mine.busyMs === undefined ? null : (mine.busyMs * 1e6) / mine.total,
      verdicts: verdictsOf(mine.verdict, tensors),
      comparison: result,
      maxScoreError,
      detection: detectionOf(stages, doc.binding),
    },
  };
}

function verdictsOf(verdicts: Uint8Array, tensors: boolean): Record<string, number> {
  const counts = new Uint32Array(256);
  for (const verdict of verdicts) counts[verdict]!++;
  // A call at which the model did not run has no verdict.
  if (!tensors) counts[NO_VERDICT] = 0;
  const name = (verdict: number) => (tensors ? `class ${verdict}` : (VERDICT_ORDER[verdict] ?? String(verdict)));
  return Object.fromEntries([...counts].flatMap((count, verdict) => (count > 0 ? [[name(verdict), count]] : [])));
}

function detectionOf(
  { trace, replay, reference }: WorkbenchState['stages'],
  binding: NonNullable<ProjectDoc['binding']>,
): DetectionRecord | null {
  if (!hasLabels(trace.value)) return null;
  const bound = binding.output.kind === 'threshold' ? binding.output : null;
  const positive = bound?.class ?? labelledClasses(trace.value.labels).at(-1) ?? 0;
  const view = detection(trace.value.labels, { binding, replay: replay.value!, reference: reference.value! }, positive);
  const threshold = bound?.threshold ?? 0;
  return (
    view && {
      class: positive,
      threshold,
      program: sideRecord(view.program, threshold),
      reference: sideRecord(view.reference, threshold),
    }
  );
}

/** Chooses the run that others are compared with, or none. */
export function setBaseline(key: string): void {
  const { runs, baseline } = useRuns.getState();
  keep({ runs, baseline: baseline === key ? '' : key });
}

export function forgetRun(key: string): void {
  const { runs, baseline } = useRuns.getState();
  keep({ runs: runs.filter((run) => run.key !== key), baseline: baseline === key ? '' : baseline });
}

/** Whether the open project could take a run's settings: it has the same model and trace. */
export function canTake({ doc }: KeptRun, present: ProjectDoc): boolean {
  return doc.source?.blob.hash === present.source?.blob.hash && doc.trace?.hash === present.trace?.hash;
}

/** Makes a run's settings and binding those of the open project; one step of undo. */
export function takeSettings({ doc: { options, binding, calibration }, record }: KeptRun): void {
  editDoc(`take the settings ${record.settings.quant}`, (present) => ({ ...present, options, binding, calibration }));
}
