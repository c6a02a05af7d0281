import { InputError } from '../../base/errors.ts';
import { withoutContents } from '../../bpf/edit-function.ts';
import { disassemble } from '../../bpf/listing.ts';
import type { Program } from '../../bpf/program.ts';
import type { FixedStrategy } from '../../compiler/api.ts';
import { whyNot } from '../../compiler/strategy.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import { liveRegisters } from '../../verifier/whatif/live.ts';
import { loopAround } from '../../verifier/whatif/loop.ts';
import { FORMS, type LoopForm, rewriteLoop } from '../../verifier/whatif/rewrite.ts';
import { Vm } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { FormView, LoopView, StrategyView, VerdictFigures } from '../strategy-views.ts';
import { compileModel } from './build.ts';
import { heldProgram } from './programs.ts';

const PROCESSED_LIMIT = 1_000_000;

function figures(program: Program, kernel: KernelVersion, context: CallContext): VerdictFigures {
  const { accepted, message, processed, totalStates, peakStates, stackDepth } = verify(program, {
    kernel,
    privilege: 'root',
    logLevel: 0,
    onProgress: (done) => {
      context.progress('verifying', done, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  return { insns: program.insns.length, accepted, message, processed, totalStates, peakStates, stackDepth };
}

/** Runs in a batch, and batches of which the best counts. */
const BATCH_MS = 20;
const BATCHES = 3;

/** Nanoseconds of one run in the engine on a packet; null where it does not run. */
function engineNs(program: Program, packet: Uint8Array): number | null {
  try {
    const vm = new Vm(program, { engine: 'wasm' });
    vm.runXdp(packet);
    let best = Number.POSITIVE_INFINITY;
    for (let batch = 0; batch < BATCHES; batch++) {
      const start = performance.now();
      let runs = 0;
      do {
        vm.runXdp(packet);
        runs++;
      } while (performance.now() - start < BATCH_MS);
      best = Math.min(best, ((performance.now() - start) / runs) * 1e6);
    }
    return best;
  } catch {
    return null;
  }
}

interface StrategyArgs {
  readonly program: ProgramSpec;
  readonly strategy: FixedStrategy;
  readonly kernel: KernelVersion;
  readonly packet: Uint8Array;
}

/** The open model compiled with one strategy: what the verifier says, and how long a run takes. */
export async function compileWith(
  { program: { from, options }, strategy, kernel, packet }: StrategyArgs,
  context: CallContext,
): Promise<StrategyView> {
  if (from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  const refused = whyNot(strategy, kernel);
  if (refused) return { strategy, refused, figures: null, engineNs: null };
  let program: Program;
  try {
    ({ program } = await compileModel(from, { ...options, strategy, kernel }, context));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { strategy, refused: error.message, figures: null, engineNs: null };
  }
  const told = figures(program, kernel, context);
  return { strategy, refused: null, figures: told, engineNs: told.accepted ? engineNs(program, packet) : null };
}

/** Where the loop around an instruction stands, and what else it could be; null where there is none in one piece. */
export async function loopAt(
  { program: spec, insn }: { program: ProgramSpec; insn: number },
  context: CallContext,
): Promise<LoopView | null> {
  const loop = loopAround((await heldProgram(spec, context)).program, insn);
  return loop && { head: loop.head, latch: loop.latch, rounds: loop.counter?.rounds ?? null, forms: FORMS };
}

/** The program with the loop around an instruction in another form, or as it is: verified, and its text where the verifier accepts it. */
export async function loopAs(
  { program: spec, insn, form, kernel }: { program: ProgramSpec; insn: number; form: LoopForm | null; kernel: KernelVersion },
  context: CallContext,
): Promise<FormView> {
  const { program } = await heldProgram(spec, context);
  if (!form) return { form, refused: null, figures: figures(program, kernel, context), text: null };
  const loop = loopAround(program, insn);
  if (!loop) throw new InputError('there is no loop here', `insn ${insn}`);
  try {
    const made = rewriteLoop(program, loop, form, kernel, liveRegisters(program, kernel));
    const told = figures(made, kernel, context);
    return { form, refused: null, figures: told, text: told.accepted ? disassemble(withoutContents(made), { labels: true }) : null };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { form, refused: error.message, figures: null, text: null };
  }
}
