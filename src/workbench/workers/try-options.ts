import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Compiled } from '../../compiler/api.ts';
import { strategyCosts } from '../../compiler/compile.ts';
import type { CostEstimate } from '../../compiler/cost.ts';
import { readWeightsHeader } from '../../compiler/weights-map.ts';
import { chooseClass } from '../../reference/compare.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { ModelRunner, type Outcome } from '../../replay/runner.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { Change, ReferenceOutputs, TryFigures, TryView } from '../pass-views.ts';
import type { CallContext } from '../rpc.ts';
import { firstOutput } from './batches.ts';
import { Recent } from './blobs.ts';
import { compileOptions } from './build.ts';
import { timesInTurns } from './in-turns.ts';
import { modelOf } from './models.ts';
import { keyOf, type Recorded, recorded } from './passes.ts';
import { rest } from './rest.ts';
import { heldTrace } from './traces.ts';

const PROCESSED_LIMIT = 1_000_000;
/** Events that error and executed instructions are means over. */
const MOST_EVENTS = 256;
interface TryArgs {
  readonly program: ProgramSpec;
  /** Null: only what it costs now. */
  readonly change: Change | null;
  /** Events that both run; null without a trace. */
  readonly trace: BlobRef | null;
  readonly reference: ReferenceOutputs | null;
}

type Side = keyof TryView;

/** Figures but for the time, for which two programs are measured together. */
const known = new Recent<TryFigures>(12);

async function pause(context: CallContext): Promise<void> {
  await rest();
  if (context.cancelled) throw new Cancelled();
}

/**
 * What the model costs with other options, beside what it costs now. Figures are told one after the other, the quickest first: instructions when it is
 * compiled, then what the verifier says, then error and time on events of the trace.
 */
export async function tryOptions(args: TryArgs, context: CallContext): Promise<TryView> {
  const { program, change, trace, reference } = args;
  const changes: Readonly<Record<Side, Change | null>> = { now: null, tried: change };
  const keyFor = (side: Side): string => JSON.stringify([keyOf(program, changes[side]), trace?.hash, reference?.width]);
  const figures: { now: TryFigures | null; tried: TryFigures | null } = { now: null, tried: null };
  const tell = (side: Side, told: Partial<TryFigures>): void => {
    figures[side] = { ...(figures[side] ?? NOTHING), ...told };
    context.emit({ ...figures });
  };
  const sides: { side: Side; compiled: Compiled; runner: ModelRunner | null }[] = [];
  for (const side of change ? (['now', 'tried'] as const) : (['now'] as const)) {
    const made = await recorded(program, changes[side], context);
    tell(side, { ...(known.get(keyFor(side)) ?? compiledFigures(made)), ns: null });
    if (made.compiled) sides.push({ side, compiled: made.compiled, runner: null });
    await pause(context);
  }
  for (const { side, compiled } of sides) {
    if (figures[side]!.processed !== null) continue;
    tell(side, verdictOf(compiled, (changes[side] ?? program.options).kernel, context));
    await pause(context);
  }
  const events = trace && sides.length > 0 ? await eventsOf(program, trace) : [];
  for (const one of sides) {
    const { side, compiled } = one;
    // What the verifier refuses may never end.
    if (events.length > 0 && figures[side]!.accepted) {
      one.runner = new ModelRunner(compiled.program, compiled.meta);
      if (figures[side]!.executed === null) tell(side, accuracyOf(one.runner, events, reference));
    }
    known.set(keyFor(side), figures[side]!);
    await pause(context);
  }
  const running = sides.flatMap(({ side, runner }) => (runner ? [{ side, runner }] : []));
  // An event that the model sees: others cost next to nothing.
  const event = running[0] && events.find((one) => one(running[0]!.runner).outputs !== null);
  if (!event) return figures;
  const times = await timesInTurns(
    running.map(({ side, runner }) => ({ run: () => event(runner), executed: figures[side]!.executed ?? 0 })),
    async (round, most) => {
      context.progress('timing', round, most);
      await pause(context);
    },
  );
  for (const [at, { side }] of running.entries()) tell(side, { ns: times[at]! });
  return figures;
}

const NOTHING: TryFigures = {
  refused: null,
  strategy: '',
  insns: 0,
  weightBytes: 0,
  accepted: null,
  message: null,
  processed: null,
  events: 0,
  executed: null,
  maxError: null,
  agreement: null,
  ns: null,
};

function compiledFigures({ compiled, refused }: Recorded): TryFigures {
  if (!compiled) return { ...NOTHING, refused: refused ? [refused.where, refused.what].filter(Boolean).join(': ') : '' };
  const { program, meta } = compiled;
  const weights = program.maps[0]?.data;
  const header = weights && readWeightsHeader(weights);
  return { ...NOTHING, strategy: meta.strategy, insns: program.insns.length, weightBytes: header ? header.size : (weights?.length ?? 0) };
}

function verdictOf(
  { program }: Compiled,
  kernel: KernelVersion,
  context: CallContext,
): Pick<TryFigures, 'accepted' | 'message' | 'processed'> {
  const { accepted, message, processed } = verify(program, {
    kernel,
    privilege: 'root',
    logLevel: 0,
    onProgress: (done) => {
      context.progress('verifying', done, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  return { accepted, message, processed };
}

/** A call at which the model does not run. */
const NOT_SEEN: Outcome = { returnValue: 0, score: null, outputs: null, insnsExecuted: 0 };

type Event = (runner: ModelRunner) => Outcome;

/** The first events of the trace. */
async function eventsOf({ from }: ProgramSpec, trace: BlobRef): Promise<Event[]> {
  const held = await heldTrace(trace);
  if (held.kind === 'packets') {
    const { packets } = held;
    return (await packets.first(MOST_EVENTS)).map((frame, i) => (runner) => runner.runPacket(frame, packets.timeNs(i)));
  }
  if (held.kind === 'calls') return held.calls.slice(0, MOST_EVENTS).map((call) => (runner) => runner.runCall(call) ?? NOT_SEEN);
  if (from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  const model = await modelOf(from.model.model, from.model.dims);
  return tensorInputs(model, held.arrays)
    .slice(0, MOST_EVENTS)
    .map((inputs) => (runner) => runner.runTensors(inputs));
}

/** Executed instructions and the difference of the first output, over the events that the model sees. */
function accuracyOf(
  runner: ModelRunner,
  events: readonly Event[],
  reference: ReferenceOutputs | null,
): Pick<TryFigures, 'events' | 'executed' | 'maxError' | 'agreement'> {
  let [ran, executed, compared, agreed, most] = [0, 0, 0, 0, 0];
  events.forEach((event, at) => {
    const outcome = event(runner);
    const own = firstOutput(outcome.outputs);
    if (!own) return;
    ran++;
    executed += outcome.insnsExecuted;
    if (!reference || reference.width === 0 || reference.outputs.length < (at + 1) * reference.width) return;
    const theirs = reference.outputs.subarray(at * reference.width, at * reference.width + Math.min(own.length, reference.width));
    if (Number.isNaN(theirs[0])) return;
    compared++;
    theirs.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - own[i]!));
    });
    if (chooseClass(own, reference.cut).index === chooseClass(theirs, reference.cut).index) agreed++;
  });
  return {
    events: compared,
    executed: ran > 0 ? executed / ran : null,
    maxError: compared > 0 ? most : null,
    agreement: compared > 0 ? agreed / compared : null,
  };
}

/** What the cost model gives each strategy that the target kernel takes: the choice of `auto`, and what the others would cost. */
export async function loopCosts(
  { program: { from, options }, change }: { program: ProgramSpec; change: Change | null },
  context: CallContext,
): Promise<CostEstimate[]> {
  if (from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  return strategyCosts(await compileOptions(from, { ...options, ...change }, context));
}
