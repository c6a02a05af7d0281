import { frameRows } from '../../format.ts';
import { NONE } from '../exploration.ts';
import type { Recording } from '../recording.ts';
import { loggedSteps } from './log-steps.ts';

/** Holds a recording to a log of level 2: every step, where it came from, and every register and slot that the log shows. */
export function heldToLog(
  recording: Recording,
  log: string,
): { readonly wrong: readonly string[]; readonly shown: number; readonly steps: number } {
  const wrong: string[] = [];
  const hold = (at: number, what: string, ours: unknown, theirs: unknown): void => {
    if (ours !== theirs) wrong.push(`step ${at}: ${what}${ours}, the log says ${theirs}`);
  };
  let shown = 0;
  const steps = loggedSteps(log);
  steps.forEach((said, at) => {
    const run = recording.runOf(at);
    hold(at, 'instruction ', recording.insnAt(at), said.insnIdx);
    hold(at, 'pruned ', recording.runEnd(run) === 'pruned' && recording.runLast(run) === at, said.pruned);
    if (said.from !== null && said.from >= 0) {
      const before = recording.runFirst(run) === at ? recording.runParent(run) : at - 1;
      hold(at, 'from ', before === NONE ? NONE : recording.insnAt(before), said.from);
    }
    const rows = rowsOf(recording, at, said.frame);
    for (const [name, text] of said.shown) hold(at, `${name}=`, rows.get(name), text);
    shown += said.shown.size;
    if (said.from !== null && !said.pruned && said.shown.size > 0) hold(at, '', [...rows.keys()].join(), [...said.shown.keys()].join());
  });
  return { wrong, shown, steps: steps.length };
}

function rowsOf(recording: Recording, step: number, frame: number): Map<string, string> {
  const all = (): boolean => true;
  const state = recording.stateBefore(step);
  return new Map(frameRows(recording.env.names, state.frames[frame]!, all, all).map((row) => [row.name, row.text]));
}
