import { Cancelled } from '../../base/progress.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { heldProgram } from './programs.ts';

interface VerifyLogArgs {
  readonly program: ProgramSpec;
  readonly kernel: KernelVersion;
  /** The kernel's `log_level`. */
  readonly level: number;
}

/** The limit that progress is measured by: a program that is accepted needs less. */
const PROCESSED_LIMIT = 1_000_000;

/** The log of our own verifier at any level, as UTF-8: at level 2 it may outgrow a string. */
export async function verifyLog(
  { program: spec, kernel, level }: VerifyLogArgs,
  context: CallContext,
): Promise<Transferred<Uint8Array<ArrayBuffer>>> {
  const result = verify((await heldProgram(spec, context)).program, {
    kernel,
    privilege: 'root',
    logLevel: level,
    onProgress: (processed) => {
      context.progress('verifying', processed, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  if (context.cancelled) throw new Cancelled();
  const bytes = result.logBytes();
  return new Transferred(bytes, [bytes.buffer]);
}
