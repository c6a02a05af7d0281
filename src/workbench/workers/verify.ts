import { Cancelled } from '../../base/progress.ts';
import type { KernelVersion, VerifyOptions, VerifyResult } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { VerifiedView } from '../views.ts';
import { heldProgram } from './programs.ts';

interface VerifyArgs {
  readonly program: ProgramSpec;
  readonly kernel: KernelVersion;
}

/** The limit that progress is measured by: a program that is accepted needs less. */
const PROCESSED_LIMIT = 1_000_000;

/** The kernel's `log_level` bits. */
const LOG_PATHS = 1;
const LOG_STATISTICS = 4;

async function run({ program, kernel }: VerifyArgs, context: CallContext, options: Pick<VerifyOptions, 'logLevel'>): Promise<VerifyResult> {
  const result = verify((await heldProgram(program, context)).program, {
    kernel,
    privilege: 'root',
    ...options,
    onProgress: (processed) => {
      context.progress('verifying', processed, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  if (context.cancelled) throw new Cancelled();
  return result;
}

export async function verifyProgram(args: VerifyArgs, context: CallContext): Promise<Transferred<VerifiedView>> {
  const first = await run(args, context, { logLevel: LOG_STATISTICS });
  // The kernel keeps no path of a program that it accepts, so only a rejected one is worth the time that logging takes.
  const result = first.accepted ? first : await run(args, context, { logLevel: LOG_PATHS });
  const log = new TextEncoder().encode(result.log);
  const logLines = lineStarts(log);
  const visits = result.visits.slice();
  const states = result.states.slice();
  const view: VerifiedView = {
    accepted: result.accepted,
    message: result.message,
    insnIdx: result.insnIdx,
    processed: result.processed,
    totalStates: result.totalStates,
    peakStates: result.peakStates,
    maxStatesPerInsn: result.maxStatesPerInsn,
    stackDepth: result.stackDepth,
    kernel: args.kernel,
    visits,
    states,
    log,
    logLines,
  };
  return new Transferred(view, [log.buffer, logLines.buffer, visits.buffer, states.buffer]);
}

const NEWLINE = 10;

/** Byte at which each line begins; a newline at the end begins none. */
export function lineStarts(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  if (bytes.length === 0) return new Uint32Array(0);
  let count = 1;
  for (let at = 0; at < bytes.length - 1; at++) if (bytes[at] === NEWLINE) count++;
  const starts = new Uint32Array(count);
  let line = 1;
  for (let at = 0; at < bytes.length - 1; at++) if (bytes[at] === NEWLINE) starts[line++] = at + 1;
  return starts;
}
