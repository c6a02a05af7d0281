import { InputError } from '../../base/errors.ts';
import { decodeInsns } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import type { LoopOnPath, Place, Series } from '../../verifier/query/along.ts';
import type { ComparedStates } from '../../verifier/query/compare.ts';
import type { OutlineRow } from '../../verifier/query/outline.ts';
import { Query, type RoundTable, type StepTold } from '../../verifier/query/query.ts';
import { record } from '../../verifier/query/recorder.ts';
import type { AbstractView } from '../machine-views.ts';
import { type PositionView, type QueryBase, type RecordingView, UNKNOWN_RECORDING } from '../query-views.ts';
import { type CallContext, type Handler, serveRpc, Transferred } from '../rpc.ts';
import { Recent } from './blobs.ts';
import { coveringState } from './machine-states.ts';

/**
 * Records verifications and answers questions about them, in a worker of its own: the verifier hears no "stop" while it runs, and ending
 * this worker loses nothing but the recording.
 */
interface Held {
  readonly program: Program;
  query: Query;
}

const held = new Recent<Held>(2);

interface Asked {
  readonly key: string;
  readonly kernel: KernelVersion;
  readonly base?: QueryBase;
}

const PROCESSED_LIMIT = 1_000_000;
/** Steps before the one that is asked for whose states are held too. */
const BEFORE = 50_000;

function recorded(program: Program, kernel: KernelVersion, statesFrom: number, context: CallContext): Query {
  return new Query(
    record(program, {
      kernel,
      privilege: 'root',
      logLevel: 0,
      statesFrom,
      onProgress: (processed) => {
        context.progress('recording', processed, PROCESSED_LIMIT);
        return false;
      },
    }),
  );
}

function find({ key, kernel, base }: Asked, context: CallContext): Held {
  const own = `${kernel} ${key}`;
  const known = held.get(own);
  if (known) return known;
  if (!base) throw new InputError(UNKNOWN_RECORDING);
  const program: Program = { ...base.rest, insns: decodeInsns(base.code), origins: [], insnOrigins: [] };
  return held.set(own, { program, query: recorded(program, kernel, 0, context) });
}

/** The recording, with the states around a step: of a very long exploration others may have been held so far. */
function holding(asked: Asked, step: number, context: CallContext): Query {
  const one = find(asked, context);
  if (!one.query.recording.hasState(step) && step < one.query.recording.steps) {
    const { outline } = one.query;
    one.query = recorded(one.program, asked.kernel, Math.max(0, step - BEFORE), context);
    one.query.outline.openAs(outline);
  }
  return one.query;
}

function open(asked: Asked, context: CallContext): RecordingView {
  const { recording, outline, paths } = find(asked, context).query;
  const refused = !recording.accepted && recording.steps > 0;
  return {
    steps: recording.steps,
    ends: paths.roots.reduce((sum, root) => sum + paths.ends(root), 0),
    waiting: recording.waiting,
    rows: outline.count,
    accepted: recording.accepted,
    refusedAt: refused ? recording.steps - 1 : null,
    bytes: recording.bytes,
    statesFrom: recording.statesFrom,
    statesTo: recording.statesTo,
  };
}

function rows(args: Asked & { from: number; to: number }, context: CallContext): { count: number; rows: OutlineRow[] } {
  const { outline } = find(args, context).query;
  return { count: outline.count, rows: outline.slice(args.from, args.to) };
}

function toggle(args: Asked & { row: string }, context: CallContext): number {
  const { outline } = find(args, context).query;
  outline.toggle(args.row);
  return outline.count;
}

function reveal(args: Asked & { step: number }, context: CallContext): { index: number; count: number } {
  const { outline } = find(args, context).query;
  const index = outline.reveal(args.step);
  return { index, count: outline.count };
}

const step = (args: Asked & { step: number }, context: CallContext): StepTold | null => holding(args, args.step, context).step(args.step);

/**
 * The step of a visit of an instruction; without one, the nearest on the path through `near`, else the last of all. Null where the
 * instruction is never checked.
 */
function place(args: Asked & { insn: number; visit: number | null; near: number | null }, context: CallContext): number | null {
  return find(args, context).query.place(args.insn, args.visit, args.near);
}

/** The step at a position of the path through `step`; without a position that step itself. */
function position(args: Asked & { step: number; pos: number | null; place: Place | null }, context: CallContext): PositionView {
  const { query } = find(args, context);
  const at = args.pos === null ? args.step : query.way(args.step).stepAt(args.pos);
  const text = args.place && query.recording.hasState(at) ? query.textAt(at, args.place) : '';
  return { step: at, insnIdx: query.recording.insnAt(at), text };
}

const covering = (args: Asked & { insn: number; values: Readonly<Record<string, string>> }, context: CallContext): AbstractView =>
  coveringState(find(args, context).query, args.insn, args.values);

const why = (args: Asked & { step: number }, context: CallContext): readonly ComparedStates[] =>
  holding(args, args.step, context).why(args.step);

const loops = (args: Asked & { step: number }, context: CallContext): readonly LoopOnPath[] =>
  find(args, context).query.loops(args.step).slice(0, 200);

function rounds(
  args: Asked & { step: number; head: number; depth: number; from: number; count: number },
  context: CallContext,
): RoundTable {
  const query = holding(args, args.step, context);
  return query.roundTable(args.step, args, args.from, args.count);
}

const liveliest = (args: Asked & { step: number }, context: CallContext): Place | null => find(args, context).query.liveliest(args.step);

function series(
  args: Asked & { step: number; place: Place; from: number; to: number; most: number },
  context: CallContext,
): Transferred<Series & { branches: Uint32Array }> {
  const query = holding(args, args.step, context);
  const found = query.series(args.step, args.place, args.from, args.to, args.most);
  const branches = query.branchesBetween(args.step, found.from, found.to, args.most);
  return new Transferred({ ...found, branches }, [found.pos.buffer, found.min.buffer, found.max.buffer, found.holds.buffer]);
}

const handlers: Record<string, Handler> = {
  open,
  rows,
  toggle,
  reveal,
  step,
  place,
  position,
  covering,
  why,
  loops,
  rounds,
  liveliest,
  series,
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Recording the verification');
