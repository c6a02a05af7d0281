import { InputError } from '../../base/errors.ts';
import { decodeInsns } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { Query } from '../../verifier/query/query.ts';
import { record } from '../../verifier/query/recorder.ts';
import type { AbstractView } from '../machine-views.ts';
import { type QueryBase, UNKNOWN_RECORDING } from '../query-views.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import { leave, Recent } from './blobs.ts';
import { coveringState } from './machine-states.ts';
import { queryHandlers } from './query-handlers.ts';

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
function holding(asked: Asked, context: CallContext, step = 0): Query {
  const one = find(asked, context);
  if (step > 0 && !one.query.recording.hasState(step) && step < one.query.recording.steps) {
    const { outline } = one.query;
    one.query = recorded(one.program, asked.kernel, Math.max(0, step - BEFORE), context);
    one.query.outline.openAs(outline);
  }
  return one.query;
}

const covering = (args: Asked & { insn: number; values: Readonly<Record<string, string>> }, context: CallContext): AbstractView =>
  coveringState(find(args, context).query, args.insn, args.values);

const handlers: Record<string, Handler> = { ...queryHandlers(holding), covering, leave };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Recording the verification');
