import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { frameRows } from '../format.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { record } from './recorder.ts';
import { NONE, type Recording } from './recording.ts';
import { loggedSteps } from './testing/log-steps.ts';
import { PROGRAMS } from './testing/programs.ts';

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

function rowsOf(recording: Recording, step: number, frame: number): Map<string, string> {
  const all = (): boolean => true;
  const state = recording.stateBefore(step);
  return new Map(frameRows(recording.env.names, state.frames[frame]!, all, all).map((row) => [row.name, row.text]));
}

/** Holds a recording to the log of the same program: every step, where it came from, and every register and slot that the log shows. */
function judge(made: Program): { steps: number; shown: number } {
  const result = verify(made, { ...OPTIONS, logLevel: 2 });
  const recording = record(made, OPTIONS);
  const steps = loggedSteps(result.log);
  const wrong: string[] = [];
  const hold = (at: number, what: string, ours: unknown, theirs: unknown): void => {
    if (ours !== theirs) wrong.push(`step ${at}: ${what}${ours}, the log says ${theirs}`);
  };
  let shown = 0;
  expect(recording.steps).toBe(result.processed);
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
  expect(wrong).toEqual([]);
  return { steps: steps.length, shown };
}

describe('a recording', () => {
  it.each(PROGRAMS)('shows the states of the log: %s', (_, text) => {
    expect(judge(program(text)).shown).toBeGreaterThan(3);
  });

  it('shows the states of the log for random programs', () => {
    let shown = 0;
    for (let seed = 1; seed <= 300; seed++) shown += judge(randomProgram(seed)).shown;
    expect(shown).toBeGreaterThan(10_000);
  });
});
