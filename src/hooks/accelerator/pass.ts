import type { ProgramSet } from './attachments.ts';
import type { Command } from './command.ts';
import { orderWithin } from './command-order.ts';

/**
 * Where a command is. `held`: waits for the hooks of its pass or for commands before it; `ready`: may come to the head of the queue; `asked`: its dispatch programs run;
 * `cleared`: waits for matrix units; `deferred`: waits for a time; `checked`: the units are done and its `complete` programs run.
 */
export type EntryState = 'held' | 'ready' | 'asked' | 'cleared' | 'deferred' | 'running' | 'checked' | 'done';

/** A command on the device. */
export interface Entry {
  readonly command: Command;
  readonly pass: Pass;
  state: EntryState;
  /** Commands of its pass that must be complete first. */
  waitsFor: number;
  readonly next: readonly number[];
  defers: number;
  reorders: number;
  units: number;
  startedNs: number;
  elapsedNs: number;
  /** Errno that it ends with; 0 while all is well. */
  status: number;
}

/** Commands that were submitted together: one token of one request. */
export interface Pass {
  readonly request: RequestState;
  readonly entries: readonly Entry[];
  /** What was attached when it entered. */
  readonly programs: ProgramSet;
  readonly enteredNs: number;
  /** Its `submit` and `validate_tensor` programs let it through. */
  admitted: boolean;
  /** Its `token` programs did. */
  released: boolean;
  defers: number;
  /** Commands not done yet. */
  left: number;
}

/** An inference request: its passes go one after the other. */
export interface RequestState {
  readonly id: number;
  /** Entered and not done, in order. */
  readonly passes: Pass[];
  /** Errno that ended it; 0 while it goes on. */
  ended: number;
  /** Set by a program for all commands to come. */
  priority: number | null;
}

export function passOf(commands: readonly Command[], request: RequestState, programs: ProgramSet, enteredNs: number): Pass {
  const entries: Entry[] = [];
  const pass: Pass = { request, entries, programs, enteredNs, admitted: false, released: false, defers: 0, left: commands.length };
  orderWithin(commands).forEach(({ waitsFor, next }, at) => {
    const command = commands[at]!;
    if (request.priority !== null) command.priority = request.priority;
    entries.push({ command, pass, state: 'held', waitsFor, next, defers: 0, reorders: 0, units: 0, startedNs: 0, elapsedNs: 0, status: 0 });
  });
  return pass;
}

const deadline = ({ deadlineNs }: Command): number => deadlineNs || Number.POSITIVE_INFINITY;

/** Who goes first: the higher priority, then the earlier deadline, then who was submitted first. */
export function goesFirst({ command: a }: Entry, { command: b }: Entry): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  const [x, y] = [deadline(a), deadline(b)];
  return x === y ? a.seq < b.seq : x < y;
}
