import { create } from 'zustand';
import type { Place } from '../../verifier/query/along.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import { select, useWorkbench } from '../../workbench/store.ts';

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

/** Goes to a step: its instruction becomes the selection. */
export function goToStep(asked: Asked, step: number, insn: number): void {
  useQueryStore.setState({ at: { ...asked, step, insn, visit: null } });
  select('insn', insn);
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
