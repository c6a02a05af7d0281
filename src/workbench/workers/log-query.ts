import { LogRecorder } from '../../verifier/logfile/log-recorder.ts';
import { LogRecording } from '../../verifier/logfile/log-recording.ts';
import { type LoopCost, loopCosts } from '../../verifier/query/loops.ts';
import { Query } from '../../verifier/query/query.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { Recent } from './blobs.ts';
import { heldLog, inSlices, paced } from './logs.ts';
import { queryHandlers } from './query-handlers.ts';

/** Questions about the exploration that a log shows: what panels ask of our own verifier's recording, too. */
interface Asked {
  readonly blob: BlobRef;
}

interface Held {
  readonly recording: LogRecording;
  readonly query: Query;
}

const LINES = 2048;
/** The document's log and the verifier's own. */
const held = new Recent<Held>(2);

async function find({ blob }: Asked, context: CallContext): Promise<Held> {
  const known = held.get(blob.hash);
  if (known) return known;
  const { bytes, columns } = await heldLog(blob, context);
  const recorder = new LogRecorder(bytes, columns);
  await inSlices(
    () => recorder.advance(LINES),
    context,
    paced(() => context.progress('following the paths of the log', recorder.done, recorder.total)),
  );
  const recording = new LogRecording(recorder, columns);
  return held.set(blob.hash, { recording, query: new Query(recording) });
}

/** Line that shows a step; -1 for a step that the log does not have. */
async function line(args: Asked & { step: number }, context: CallContext): Promise<number> {
  const { recording } = await find(args, context);
  return args.step < recording.steps ? recording.lineOf(args.step) : -1;
}

async function costs(args: Asked, context: CallContext): Promise<readonly LoopCost[]> {
  const { recording, query } = await find(args, context);
  return loopCosts(recording, query.heads);
}

export const recordingHandlers = { ...queryHandlers(async (asked: Asked, context) => (await find(asked, context)).query), line, costs };
export type RecordingMethod = keyof typeof recordingHandlers;

/** One entry for all of them, so that the log's worker loads this file when somebody first asks. */
export const askLog = ({ method, ...args }: Asked & { method: RecordingMethod }, context: CallContext): unknown =>
  recordingHandlers[method](args as never, context);
