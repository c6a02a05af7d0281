import type { LoopOnPath, Place, Series } from '../../verifier/query/along.ts';
import type { ComparedStates } from '../../verifier/query/compare.ts';
import type { OutlineRow } from '../../verifier/query/outline.ts';
import type { Query, RoundTable, StepTold } from '../../verifier/query/query.ts';
import type { PositionView, RecordingView } from '../query-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';

/** Where an exploration comes from: our verifier, or a log that shows one. `near`: a step whose state is asked for. */
export type FindQuery<A> = (asked: A, context: CallContext, near?: number) => Query | Promise<Query>;

const MOST_LOOPS = 200;

/** What panels ask about an exploration, whoever recorded it. */
export function queryHandlers<A extends object>(find: FindQuery<A>) {
  return {
    async open(asked: A, context: CallContext): Promise<RecordingView> {
      const { recording, outline, paths } = await find(asked, context);
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
    },

    async rows(args: A & { from: number; to: number }, context: CallContext): Promise<{ count: number; rows: OutlineRow[] }> {
      const { outline } = await find(args, context);
      return { count: outline.count, rows: outline.slice(args.from, args.to) };
    },

    async toggle(args: A & { row: string }, context: CallContext): Promise<number> {
      const { outline } = await find(args, context);
      outline.toggle(args.row);
      return outline.count;
    },

    async reveal(args: A & { step: number }, context: CallContext): Promise<{ index: number; count: number }> {
      const { outline } = await find(args, context);
      const index = outline.reveal(args.step);
      return { index, count: outline.count };
    },

    async step(args: A & { step: number }, context: CallContext): Promise<StepTold | null> {
      return (await find(args, context, args.step)).step(args.step);
    },

    /**
     * The step of a visit of an instruction; without one, the nearest on the path through `near`, else the last of all. Null where the
     * instruction is never checked.
     */
    async place(args: A & { insn: number; visit: number | null; near: number | null }, context: CallContext): Promise<number | null> {
      return (await find(args, context)).place(args.insn, args.visit, args.near);
    },

    /** The step at a position of the path through `step`; without a position that step itself. */
    async position(args: A & { step: number; pos: number | null; place: Place | null }, context: CallContext): Promise<PositionView> {
      const query = await find(args, context);
      const at = args.pos === null ? args.step : query.way(args.step).stepAt(args.pos);
      const text = args.place && query.recording.hasState(at) ? query.textAt(at, args.place) : '';
      return { step: at, insnIdx: query.recording.insnAt(at), text };
    },

    async why(args: A & { step: number }, context: CallContext): Promise<readonly ComparedStates[]> {
      return (await find(args, context, args.step)).why(args.step);
    },

    async loops(args: A & { step: number }, context: CallContext): Promise<readonly LoopOnPath[]> {
      return (await find(args, context)).loops(args.step).slice(0, MOST_LOOPS);
    },

    async rounds(
      args: A & { step: number; head: number; depth: number; from: number; count: number },
      context: CallContext,
    ): Promise<RoundTable> {
      return (await find(args, context, args.step)).roundTable(args.step, args, args.from, args.count);
    },

    async liveliest(args: A & { step: number }, context: CallContext): Promise<Place | null> {
      return (await find(args, context)).liveliest(args.step);
    },

    async series(
      args: A & { step: number; place: Place; from: number; to: number; most: number },
      context: CallContext,
    ): Promise<Transferred<Series & { branches: Uint32Array }>> {
      const query = await find(args, context, args.step);
      const found = query.series(args.step, args.place, args.from, args.to, args.most);
      const branches = query.branchesBetween(args.step, found.from, found.to, args.most);
      return new Transferred({ ...found, branches }, [found.pos.buffer, found.min.buffer, found.max.buffer, found.holds.buffer]);
    },
  };
}
