import { Cancelled } from '../../base/progress.ts';
import type { KernelVersion, StateRow, VerifyOptions, VerifyResult } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { StateAtView, StateRowView, VerifiedView } from '../views.ts';
import { Recent } from './blobs.ts';
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

function run(
  { program, kernel }: VerifyArgs,
  context: CallContext,
  options: Pick<VerifyOptions, 'logLevel' | 'recordStates' | 'recordVisits'>,
): VerifyResult {
  const result = verify(heldProgram(program, context).program, {
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

export function verifyProgram(args: VerifyArgs, context: CallContext): Transferred<VerifiedView> {
  const first = run(args, context, { logLevel: LOG_STATISTICS });
  // The kernel keeps no path of a program that it accepts, so only a rejected one is worth the time that logging takes.
  const result = first.accepted ? first : run(args, context, { logLevel: LOG_PATHS });
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

/** Verifications with states; made when somebody first asks, since they cost memory. */
const withStates = new Recent<VerifyResult>(2);
/** Those that keep all visits of one instruction. */
const withVisits = new Recent<VerifyResult>(3);
/** So many visits of an instruction are kept: enough to see how a loop goes, few enough to hold. */
const MOST_VISITS = 1024;

interface StateArgs extends VerifyArgs {
  readonly insn: number;
  /** Which visit, from 0; null for the last one, which costs no further verification. */
  readonly visit: number | null;
}

/** The state before an instruction, and what it is compared with: the state one instruction or one visit earlier. */
export function stateAt(args: StateArgs, context: CallContext): StateAtView {
  const key = JSON.stringify([args.program.key, args.kernel]);
  const { insn, visit } = args;
  if (visit === null) {
    const result = withStates.get(key) ?? withStates.set(key, run(args, context, { logLevel: 0, recordStates: true }));
    const visits = result.visits[insn] ?? 0;
    return {
      rows: view(result.stateBefore(insn)),
      before: insn > 0 ? view(result.stateBefore(insn - 1)) : null,
      visit: visits - 1,
      visits,
      kept: Math.min(visits, MOST_VISITS),
    };
  }
  const options = { logLevel: 0, recordStates: true, recordVisits: { insnIdx: insn, most: MOST_VISITS } };
  const own = JSON.stringify([key, insn]);
  const result = withVisits.get(own) ?? withVisits.set(own, run(args, context, options));
  const visits = result.visits[insn] ?? 0;
  const kept = Math.min(visits, MOST_VISITS);
  // A visit that the verifier of another program had may not exist here.
  const at = visit >= kept ? visits - 1 : visit;
  const rowsOf = (which: number) => view(which < kept ? result.stateBefore(insn, which) : result.stateBefore(insn));
  return { rows: visits > 0 ? rowsOf(at) : null, before: at > 0 ? rowsOf(Math.min(at, kept) - 1) : null, visit: at, visits, kept };
}

function view(rows: readonly StateRow[] | null): readonly StateRowView[] | null {
  return (
    rows?.map(({ name, text, smin, smax, tnumValue, tnumMask }) => ({
      name,
      text,
      ...(smin === undefined ? {} : { smin: String(smin) }),
      ...(smax === undefined ? {} : { smax: String(smax) }),
      ...(tnumValue === undefined ? {} : { tnumValue: String(tnumValue) }),
      ...(tnumMask === undefined ? {} : { tnumMask: String(tnumMask) }),
    })) ?? null
  );
}
