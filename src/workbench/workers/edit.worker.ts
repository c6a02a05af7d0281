import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { replaceFunction } from '../../bpf/edit-function.ts';
import { decodeInsns } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verifyInSlices } from '../../verifier/verify.ts';
import type { EditBase, EditProblems, EditVerdict } from '../edit-view.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import { rest } from './rest.ts';

/** Checks edits while they are typed, in a worker of its own that hears a newer edit, or a stop, between slices of a verification. */
let held: { readonly key: string; readonly func: number; readonly program: Program } | null = null;

/** What the page is told when it has to send the program. */
const UNKNOWN = 'this program has not arrived yet';

const PROCESSED_LIMIT = 1_000_000;

interface CheckArgs {
  readonly key: string;
  readonly func: number;
  readonly base?: EditBase;
  readonly text: string;
  readonly kernel: KernelVersion;
}

function programOf({ key, func, base }: CheckArgs): Program {
  if (base) held = { key, func, program: { ...base.rest, insns: decodeInsns(base.code), lineInfo: [], origins: [], insnOrigins: [] } };
  if (held?.key !== key || held.func !== func) throw new InputError(UNKNOWN);
  return held.program;
}

/** The mistakes of a text at once, then the verifier's verdict; null where there are mistakes. */
async function check(args: CheckArgs, context: CallContext): Promise<EditVerdict | null> {
  const { program, diagnostics, lineOfInsn, start } = replaceFunction(programOf(args), args.func, args.text);
  const insnOfLine = new Int32Array(args.text.split('\n').length + 2).fill(-1);
  lineOfInsn.forEach((line, at) => {
    if (insnOfLine[line] === -1) insnOfLine[line] = start + at;
  });
  const problems: EditProblems = {
    diagnostics: diagnostics.map(({ line, column, message }) => ({ line, column, endColumn: column + 1, message })),
    insnOfLine,
  };
  context.emit(problems, [insnOfLine.buffer]);
  if (!program) return null;
  // Whoever typed on meanwhile wants no verdict of this.
  await rest();
  if (context.cancelled) throw new Cancelled();
  const began = performance.now();
  const work = verifyInSlices(program, {
    kernel: args.kernel,
    privilege: 'root',
    logLevel: 0,
    onProgress: (processed) => {
      context.progress('verifying', processed, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  let slice = work.next();
  while (!slice.done) {
    await rest();
    if (context.cancelled) throw new Cancelled();
    slice = work.next();
  }
  const result = slice.value;
  const { accepted, message, insnIdx, processed } = result;
  const line = insnIdx === null ? null : (lineOfInsn[insnIdx - start] ?? null);
  const elsewhere = insnIdx === null || line !== null ? null : (program.subprogs.findLast((one) => one.start <= insnIdx)?.name ?? null);
  return { accepted, message, processed, insnIdx, line, elsewhere, ms: performance.now() - began };
}

const handlers: Record<string, Handler> = { check };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Checking the edit');
