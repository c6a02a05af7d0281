import { useMemo } from 'react';
import { create } from 'zustand';
import { LINE } from '../../verifier/logfile/lines.ts';
import type { Place } from '../../verifier/query/along.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { setCursor, useLogs } from '../log/log-store.ts';
import { visitOf } from '../log/rows.ts';

/** Where in the exploration the cursor stands. A step says more than an instruction and a visit: arrivals that were pruned are steps too. */
interface At {
  readonly program: string;
  readonly kernel: string;
  readonly step: number;
  readonly insn: number;
  /** The visit that was asked for; null when only the instruction was. */
  readonly visit: number | null;
}

interface QueryState {
  readonly at: At | null;
  /** What the range is drawn of; null until somebody chooses. */
  readonly place: Place | null;
}

export const useQueryStore = create<QueryState>()(() => ({ at: null, place: null }));

export const choosePlace = (place: Place): void => useQueryStore.setState({ place });

const standsAt = (at: At | null, { program, kernel }: Asked): at is At => at !== null && at.program === program && at.kernel === kernel;

/** The cursor's step in a recording; null before one is known. */
export function stepNow(asked: Asked): number | null {
  const { at } = useQueryStore.getState();
  return standsAt(at, asked) ? at.step : null;
}

/** Goes to a step: its instruction becomes the selection; of a log, its line is where the cursor stands. */
export function goToStep(asked: Asked, step: number, insn: number): void {
  if (asked.log) void goToLoggedStep(asked, step, insn);
  else {
    useQueryStore.setState({ at: { ...asked, step, insn, visit: null } });
    select('insn', insn);
  }
}

async function goToLoggedStep(asked: Asked, step: number, insn: number): Promise<void> {
  const line = await askRecording<number>(asked, 'line', { step });
  const log = useWorkbench.getState().stages.log.value;
  if (!log || line < 0) return;
  setCursor(log.key, line);
  useQueryStore.setState({ at: { ...asked, step, insn, visit: visitAtLine(log, line, insn) } });
  select('insn', insn);
}

/** The visit of an instruction that a line of the log shows; null for a line that shows none. */
function visitAtLine(log: LogView, line: number, insn: number): number | null {
  const visit = log.kind[line] === LINE.insn ? visitOf(log, line) : null;
  return visit?.insn === insn ? visit.at : null;
}

/** The visit that the cursor of an open log stands on. */
export function useLoggedVisit(insn: number): number | null {
  const log = useWorkbench((state) => (state.history.doc.source?.kind === 'log' ? state.stages.log.value : null));
  const line = useLogs(({ cursor }) => (log && cursor.key === log.key ? cursor.line : -1));
  return log && line >= 0 ? visitAtLine(log, line, insn) : null;
}

/** What is asked about: the exploration of the open program by our verifier, or the one that the open log shows. */
export function useAsked(program: ProgramView): Asked {
  const kernel = useKernel();
  const source = useWorkbench((state) => state.history.doc.source);
  const log = source?.kind === 'log' ? source.blob : null;
  return useMemo<Asked>(
    () => (log ? { program: program.key, kernel: '', log } : { program: program.key, kernel }),
    [program.key, kernel, log],
  );
}

/** One instruction further on the path through the cursor's step, or back. */
export async function stepAlong(asked: Asked, by: number): Promise<void> {
  const step = stepNow(asked);
  if (step === null) return;
  const found = await askRecording<{ pos: number; length: number } | null>(asked, 'step', { step });
  if (!found || found.pos + by < 0 || found.pos + by >= found.length) return;
  const to = await askRecording<{ step: number; insnIdx: number }>(asked, 'position', { step, pos: found.pos + by, place: null });
  goToStep(asked, to.step, to.insnIdx);
}

/** The step that an instruction and perhaps a visit stand for; asks where the cursor does not say. A pinned panel leaves the cursor where it is. */
export async function findStep(asked: Asked, insn: number, visit: number | null, pinned: boolean): Promise<number | null> {
  const { at } = useQueryStore.getState();
  const here = standsAt(at, asked) ? at : null;
  if (here && here.insn === insn && here.visit === visit) return here.step;
  const step = await askRecording<number | null>(asked, 'place', { insn, visit, near: here?.step ?? null });
  // The selection may have moved on meanwhile.
  if (step !== null && !pinned && useQueryStore.getState().at === at) useQueryStore.setState({ at: { ...asked, step, insn, visit } });
  return step;
}

/** The kernel whose rules the open project is verified by. */
export const useKernel = (): string => useWorkbench((state) => state.history.doc.options.kernel);
