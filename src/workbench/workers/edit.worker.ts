import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { replaceFunction } from '../../bpf/edit-function.ts';
import { decodeInsns } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import type { KernelVersion, VerifyResult } from '../../verifier/api.ts';
import { verifyInSlices } from '../../verifier/verify.ts';
import type { EditBase, EditProblems, EditVerdict } from '../edit-view.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import { changeOf, type Judged, sameCode } from './edit-change.ts';
import { rest } from './rest.ts';

/** Checks edits while they are typed, in a worker of its own that hears a newer edit, or a stop, between slices of a verification. */
let held: { readonly key: string; readonly func: number; readonly program: Program } | null = null;
/** The verdicts on the program as it was and on the last edit of it. */
let judged: { readonly of: string; readonly was: Judged; now: Judged } | null = null;

/** Programs up to this length keep their states: what is known before each instruction, for hovers and differences. */
const MOST_STATES = 8000;

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
  const base = programOf(args);
  const of = JSON.stringify([args.key, args.func, args.kernel]);
  const same = sameCode(program, base);
  const was = judged?.of === of ? judged.was : { program: base, result: await judge(base, args.kernel, context) };
  const began = performance.now();
  const result = same ? was.result : await judge(program, args.kernel, context);
  judged = { of, was, now: { program, result } };
  const { accepted, message, insnIdx, processed } = result;
  const line = insnIdx === null ? null : (lineOfInsn[insnIdx - start] ?? null);
  const elsewhere = insnIdx === null || line !== null ? null : (program.subprogs.findLast((one) => one.start <= insnIdx)?.name ?? null);
  return {
    accepted,
    message,
    processed,
    insnIdx,
    line,
    elsewhere,
    ms: performance.now() - began,
    change: same ? null : changeOf(was, judged.now),
  };
}

async function judge(program: Program, kernel: KernelVersion, context: CallContext): Promise<VerifyResult> {
  // Whoever typed on meanwhile wants no verdict of this.
  await rest();
  if (context.cancelled) throw new Cancelled();
  const work = verifyInSlices(program, {
    kernel,
    privilege: 'root',
    logLevel: 0,
    recordStates: program.insns.length <= MOST_STATES,
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
  return slice.value;
}

/** What is known before an instruction of the edited function, as the last check found it. */
function stateAt({ insn }: { insn: number }): readonly { readonly name: string; readonly text: string }[] {
  if (!judged || judged.now.program.insns.length > MOST_STATES) return [];
  return (judged.now.result.stateBefore(insn) ?? []).map(({ name, text }) => ({ name, text }));
}

// What it holds is the function that was edited last, and the next one takes its place.
const handlers: Record<string, Handler> = { check, stateAt, leave: () => {} };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Checking the edit');
