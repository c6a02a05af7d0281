import { create } from 'zustand';
import { InputError } from '../base/errors.ts';
import { parseRun } from '../replay/run-record.ts';
import type { ProjectDoc } from './document.ts';
import { inSlices } from './in-slices.ts';
import { stageKeys } from './keys.ts';
import { parseDoc } from './projects/schema.ts';
import { type KeptRun, keepingRun } from './run-records.ts';
import { editDoc, useWorkbench, type WorkbenchState } from './store.ts';
import type { ScoreColumns, VerifiedView } from './views.ts';

export type { KeptRun } from './run-records.ts';

interface RunsState {
  /** Latest first. */
  readonly runs: readonly KeptRun[];
  /** Key of the run that others are compared with; '' without one. */
  readonly baseline: string;
}

const STORED = 'bpformer.runs';
/** A record is some 20 kB, and the browser keeps 5 MB. */
const MOST_RUNS = 60;
const MOST_NAME = 80;

export const useRuns = create<RunsState>()(() => stored());

/** What storage holds; a run that is not whole is left out. */
function stored(): RunsState {
  try {
    const value = JSON.parse(localStorage.getItem(STORED) ?? 'null') as { runs?: unknown; baseline?: unknown } | null;
    const runs = (Array.isArray(value?.runs) ? value.runs : []).flatMap((run) => {
      try {
        return [checkedRun(run)];
      } catch {
        return [];
      }
    });
    return { runs, baseline: typeof value?.baseline === 'string' ? value.baseline : '' };
  } catch {
    return { runs: [], baseline: '' };
  }
}

/** A run as storage and files hold it. Throws {@link InputError}. */
function checkedRun(value: unknown): KeptRun {
  const { key, record, doc, name } = (value ?? {}) as Partial<KeptRun>;
  if (typeof key !== 'string' || key.length > 100_000) throw new InputError('a run has no key');
  if (name !== undefined && (typeof name !== 'string' || name.length > MOST_NAME)) throw new InputError('the name of a run is no name');
  const run = { key, record: parseRun(JSON.stringify(record ?? null)), doc: parseDoc(doc, 'the settings of a run') };
  return name === undefined ? run : { ...run, name };
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
    void completeRun(state).then((run) => {
      if (run) noteRun(run);
    });
  };
  look(useWorkbench.getState());
  useWorkbench.subscribe(look);
}

/** Puts a run first; an earlier one of the same program and trace goes, its name stays. */
export function noteRun(run: KeptRun): void {
  const { runs, baseline } = useRuns.getState();
  if (runs[0]?.key === run.key && runs[0].record.nsPerEvent === run.record.nsPerEvent) return;
  const name = runs.find(({ key }) => key === run.key)?.name;
  keepRuns([name === undefined ? run : { ...run, name }, ...runs.filter(({ key }) => key !== run.key)], baseline);
}

/** The baseline stays, however old it is. */
function keepRuns(all: readonly KeptRun[], baseline: string): void {
  let runs = all;
  while (runs.length > MOST_RUNS) {
    const dropped = runs.findLastIndex(({ key }) => key !== baseline);
    runs = runs.filter((_, at) => at !== dropped);
  }
  keep({ runs, baseline });
}

/** What each replay was noted with; it goes with the replay. */
const noted = new WeakMap<ScoreColumns, { readonly reference: ScoreColumns; readonly verified: VerifiedView }>();

/** The run on show, if it is whole, ran in this tab and is not noted yet. */
async function completeRun({ stages, history: { doc } }: WorkbenchState): Promise<KeptRun | null> {
  const { trace, program, verified, replay, reference } = stages;
  if ([trace, program, verified, replay, reference].some(({ value, stale }) => value === null || stale)) return null;
  // What ONNX Runtime said may have come with the sample; times must be of this browser.
  if (replay.shipped) return null;
  const [mine, theirs] = [replay.value!, reference.value!];
  if (mine.done < mine.total || theirs.done < theirs.total || mine.live !== undefined || mine.swapped) return null;
  const before = noted.get(mine);
  if (before && before.reference === theirs && before.verified === verified.value) return null;
  const keys = stageKeys(doc);
  if (!doc.binding || doc.source?.kind !== 'model' || replay.key !== keys.replay || reference.key !== keys.reference) return null;
  noted.set(mine, { reference: theirs, verified: verified.value! });
  const measured = {
    doc,
    trace: trace.value!,
    insns: program.value!.code.length / 8,
    processed: verified.value!.processed,
    replay: mine,
    reference: theirs,
    nsPerEvent: mine.busyMs === undefined ? null : (mine.busyMs * 1e6) / mine.total,
  };
  return inSlices(keepingRun(measured));
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

/** Calls a run something; an empty name takes its name away. */
export function renameRun(key: string, text: string): void {
  const { runs, baseline } = useRuns.getState();
  const name = text.trim().slice(0, MOST_NAME);
  const renamed = ({ key: own, record, doc }: KeptRun): KeptRun => ({ key: own, record, doc, ...(name ? { name } : {}) });
  keep({ runs: runs.map((run) => (run.key === key ? renamed(run) : run)), baseline });
}

/** Form of a file of runs. */
const [FORMAT, VERSION] = ['bpformer-runs', 1] as const;

/** All runs as JSON, with the documents that gave them and without the files that those name. */
export const exportRuns = (): string => `${JSON.stringify({ format: FORMAT, version: VERSION, runs: useRuns.getState().runs }, null, 1)}\n`;

/** Adds the runs of a file to the history, those that are there already in place of the old ones. Throws {@link InputError}; gives how many came. */
export function importRuns(text: string, where: string): number {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('this is no JSON', where, 'Give a file that the view Runs has saved');
  }
  const { format, version, runs } = (value ?? {}) as { format?: unknown; version?: unknown; runs?: unknown };
  if (format !== FORMAT || version !== VERSION || !Array.isArray(runs))
    throw new InputError('this is no file of runs', where, 'Give a file that the view Runs has saved');
  if (runs.length > MOST_RUNS) throw new InputError(`it holds ${runs.length} runs, and at most ${MOST_RUNS} are kept`, where);
  const come = runs.map((run, at) => {
    try {
      return checkedRun(run);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(error.what, `${where}, run ${at + 1}`);
    }
  });
  const present = useRuns.getState();
  const keys = new Set(come.map(({ key }) => key));
  keepRuns(
    [...come, ...present.runs.filter(({ key }) => !keys.has(key))].toSorted((a, b) => b.record.at - a.record.at),
    present.baseline,
  );
  return come.length;
}

/** Whether the open project could take a run's settings: it has the same model and trace. */
export function canTake({ doc }: KeptRun, present: ProjectDoc): boolean {
  return doc.source?.kind === 'model' && doc.source.blob.hash === present.source?.blob.hash && doc.trace?.hash === present.trace?.hash;
}

/** Makes a run's settings and binding those of the open project; one step of undo. */
export function takeSettings({ doc: { options, binding, calibration }, record }: KeptRun): void {
  editDoc(`take the settings ${record.settings.quant}`, (present) => ({ ...present, options, binding, calibration }));
}
