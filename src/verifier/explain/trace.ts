import type { InsnIdx } from '../../base/units.ts';
import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { Env, Rejection } from '../env.ts';
import { Stopped } from '../explore.ts';
import type { Frame, State } from '../state.ts';
import { runPasses } from '../verify.ts';

/** One instruction of the failing path with the frame in which it ran, as it was before the instruction. */
export interface TraceStep {
  readonly insnIdx: InsnIdx;
  readonly frameno: number;
  readonly frame: Frame;
  /** Which visit of the instruction it is, counted from 0 over the whole verification. */
  readonly visit: number;
}

/** The path that led to a rejection. */
export interface Trace {
  readonly program: Program;
  readonly env: Env;
  /** Everything that was said as an error; the last line is the message. */
  readonly said: string;
  /** The instruction that failed, or null when the program failed as a whole. */
  readonly insnIdx: InsnIdx | null;
  /** Registers when it failed; null when no path was walked yet. */
  readonly state: State | null;
  /** Instructions of the whole path, the failing one last. */
  readonly path: readonly InsnIdx[];
  /** The end of the path with its states; all of it unless it is longer than {@link MAX_STEPS}. */
  readonly steps: readonly TraceStep[];
}

/** Steps whose states are kept: a state is about two kilobytes. */
export const MAX_STEPS = 4000;

/** The path so far, sharing its beginning with all paths that branched off. */
interface Node {
  readonly insnIdx: InsnIdx;
  readonly visit: number;
  readonly prev: Node | null;
}

/**
 * Follows the explorer from outside: a state that was put aside while an instruction was visited continues that
 * instruction's path. `onNode` is called before each instruction; the result is the end of the path under exploration.
 */
function follow(env: Env, onNode: (node: Node) => void): () => Node | null {
  const ends = new WeakMap<State, Node | null>();
  let last: Node | null = null;
  let exploration: unknown = null;
  let visit = 0;
  let waiting = 0;
  env.onVisit = (insnIdx) => {
    if (env.explored !== exploration) {
      exploration = env.explored;
      ends.set(env.cur, null);
      waiting = 0;
    }
    for (let i = waiting; i < env.pending.length; i++) if (!ends.has(env.pending[i]!.state)) ends.set(env.pending[i]!.state, last);
    waiting = env.pending.length;
    // A path that was put aside and taken up at once was never seen waiting.
    const known = ends.get(env.cur);
    last = { insnIdx, visit: visit++, prev: known === undefined ? last : known };
    ends.set(env.cur, last);
    onNode(last);
  };
  return () => (env.cur && ends.get(env.cur)) ?? last;
}

function attempt(env: Env): void {
  try {
    runPasses(env);
  } catch (e) {
    if (!(e instanceof Rejection) && !(e instanceof Stopped)) throw e;
  }
}

/** Verifies again, twice: once for the path that fails, once for the states along it. */
export function traceRejection(program: Program, options: VerifyOptions): Trace {
  const quiet: VerifyOptions = { ...options, logLevel: 0, recordStates: false };
  const first = new Env(program, quiet);
  const end = follow(first, () => {});
  attempt(first);
  const path: InsnIdx[] = [];
  const wanted = new Set<number>();
  for (let node = end(); node; node = node.prev) {
    path.push(node.insnIdx);
    if (wanted.size < MAX_STEPS) wanted.add(node.visit);
  }
  path.reverse();
  const env = new Env(program, quiet);
  const steps: TraceStep[] = [];
  const visits = new Uint32Array(program.insns.length + 1);
  follow(env, (node) => {
    const visit = visits[node.insnIdx]!++;
    if (!wanted.has(node.visit)) return;
    steps.push({ insnIdx: node.insnIdx, frameno: env.cur.curFrame, frame: env.cur.frame.clone(), visit });
  });
  attempt(env);
  // An endless loop is noticed on arrival, before the instruction is visited.
  if (env.cur && path[path.length - 1] !== env.insnIdx) path.push(env.insnIdx);
  return { program, env, said: env.said, insnIdx: env.atEnd ? null : env.insnIdx, state: env.cur ?? null, path, steps };
}
