import { InputError } from '../base/errors.ts';
import { cutOf } from '../reference/compare.ts';
import { createReference } from '../reference/reference.ts';
import type { AbSide } from '../replay/ab.ts';
import { compareScores } from '../replay/compare-scores.ts';
import { packetInputsOf } from '../replay/packet-inputs.ts';
import { ReferenceRunner } from '../replay/reference-runner.ts';
import { packetScored, type ReplaySummary, type Runner, referenceScored, type Scored, tensorScored } from '../replay/replay.ts';
import { ModelRunner, type Outcome } from '../replay/runner.ts';
import { ScoreSink, type Scores } from '../replay/scores.ts';
import { callInputs, callReferenceScored, callScored, UNSEEN } from '../replay/syscalls.ts';
import { Turns, type TurnTimes } from '../replay/turns.ts';
import { type EventKind, NO_VERDICT, verdictOf } from '../replay/verdicts.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import { type CompiledModel, type Events, eventCount } from './model.ts';
import type { Side } from './sides.ts';

/** A program with its events, as it takes them. */
export interface RunSide {
  readonly side: Side;
  readonly events: Events;
  readonly runner: Runner;
}

export interface BothRan {
  readonly kind: EventKind;
  readonly a: AbSide;
  readonly b: AbSide;
  readonly times: TurnTimes | null;
}

/** Stretches are long beside the clock and beside what a change of turns costs. */
const STRETCH_MS = 5;

/** Runs the same trace through two programs in turns, then through ONNX Runtime: once for both where they come from the same model and binding. */
export async function runBoth(a: RunSide, b: RunSide, withReference: boolean): Promise<BothRan> {
  const { kind } = a.events;
  if (kind !== b.events.kind) throw new InputError(`takes ${b.events.kind}, and ${a.side.path} takes ${kind}`, b.side.path);
  const count = eventCount(a.events);
  if (count !== eventCount(b.events))
    throw new InputError(`gets ${eventCount(b.events)} events of this trace, and ${a.side.path} ${count}`, b.side.path);
  const sinks = { a: sinkOf(a.side), b: sinkOf(b.side) };
  const sides = { a, b };
  const turns = new Turns(STRETCH_MS, 8);
  for (let from = 0; from < count; ) {
    const to = Math.min(count, from + turns.length);
    const ms = { a: 0, b: 0 };
    for (const which of turns.order) ms[which] = await stretch(sides[which], from, to, sinks[which]);
    turns.add(to - from, ms.a, ms.b);
    from = to;
  }
  const [scoresA, scoresB] = [sinks.a.result(), sinks.b.result()];
  const referenceA = withReference ? await referenceScores(a, scoresA) : null;
  const same = a.side.loaded && b.side.loaded && sameModel(a.side, b.side);
  const referenceB = withReference ? (same ? referenceA : await referenceScores(b, scoresB)) : null;
  return {
    kind,
    a: { scores: scoresA, reference: referenceA, binding: a.side.binding },
    b: { scores: scoresB, reference: referenceB, binding: b.side.binding },
    times: turns.result(),
  };
}

const sinkOf = ({ meta }: Side): ScoreSink => new ScoreSink(cutOf(meta?.model.nodes ?? []));

/** Time of the program alone, in ms. */
async function stretch({ events, runner, side }: RunSide, from: number, to: number, sink: ScoreSink): Promise<number> {
  let ms = 0;
  for await (const batch of runsOf(events, runner, from, to)) {
    for (const run of batch) {
      const before = performance.now();
      const running = run();
      const outcome = running instanceof Promise ? await running : running;
      ms += performance.now() - before;
      const { verdict, score, values } = outcome ? scored(events.kind, outcome, side) : UNSEEN;
      sink.add(verdict, score, values);
    }
  }
  return ms;
}

type Run = () => Outcome | Promise<Outcome> | null;

/** What runs each of the events [from, to). */
async function* runsOf(events: Events, runner: Runner, from: number, to: number): AsyncGenerator<readonly Run[]> {
  if (events.kind === 'packets') {
    for await (const { packets, times } of events.batches(from, to)) {
      yield packets.map((packet, at) => () => runner.runPacket(packet, times[at]));
    }
  } else if (events.kind === 'tensors') yield events.tensors.slice(from, to).map((inputs) => () => runner.runTensors(inputs));
  else {
    if (!(runner instanceof ModelRunner)) throw new InputError('the kernel has no test run for tracepoints', '--engine kernel');
    yield events.calls.slice(from, to).map((call) => () => runner.runCall(call));
  }
}

function scored(kind: EventKind, outcome: Outcome, { meta }: Side): Scored {
  if (kind === 'packets') return packetScored(outcome);
  return kind === 'calls' ? callScored(outcome) : tensorScored(outcome.outputs ?? {}, meta ?? undefined);
}

const sameModel = (a: Side, b: Side): boolean =>
  JSON.stringify(a.binding) === JSON.stringify(b.binding) &&
  JSON.stringify(a.loaded!.model.inputs) === JSON.stringify(b.loaded!.model.inputs) &&
  Buffer.compare(a.loaded!.bytes, b.loaded!.bytes) === 0;

/** What ONNX Runtime says of the events; null for a side that came without its model. */
async function referenceScores({ side, events }: RunSide, mine: Scores): Promise<Scores | null> {
  const { loaded } = side;
  if (!loaded) return null;
  const { bytes, file, externalData, model, fitted } = loaded;
  const sink = sinkOf(side);
  const inputsOf = fitted && events.kind === 'packets' ? packetInputsOf(fitted, model) : undefined;
  const reference = new ReferenceRunner(await createReference(bytes, { fileName: file, externalData }), model, fitted, inputsOf);
  try {
    if (events.kind === 'tensors') {
      for (const inputs of events.tensors) add(sink, tensorScored(await reference.runTensors(inputs), side.meta ?? undefined));
    } else if (events.kind === 'packets') {
      for await (const { packets, times } of events.batches()) {
        for (const [at, packet] of packets.entries()) add(sink, referenceScored(await reference.runPacket(packet, times[at])));
      }
    } else await judgeCalls(events.calls, loaded, mine, reference, sink);
  } finally {
    await reference.release();
  }
  return sink.result();
}

/** The model runs at the calls where the program ran it. */
async function judgeCalls(
  calls: readonly SystemCall[],
  { fitted, model }: CompiledModel,
  mine: Scores,
  reference: ReferenceRunner,
  sink: ScoreSink,
) {
  const inputs = callInputs(calls, fitted!, model);
  let judged = 0;
  for (let at = 0; at < mine.done; at++) {
    const ran = !Number.isNaN(mine.score[at]);
    add(sink, ran ? callReferenceScored(await reference.judge(inputs[judged++]!, fitted!), fitted!) : UNSEEN);
  }
  if (judged !== inputs.length) throw new Error(`the program ran the model ${judged} times, the reference ${inputs.length}`);
}

const add = (sink: ScoreSink, { verdict, score, values }: Scored): void => sink.add(verdict, score, values);

/** The figures of a replay of one side. */
export function summaryOf(kind: EventKind, { scores, reference, binding }: AbSide, nsPerEvent: number | null): ReplaySummary {
  const verdicts: Record<string, number> = {};
  for (let at = 0; at < scores.done; at++) {
    if (kind === 'calls' && scores.verdict[at] === NO_VERDICT) continue;
    const name = verdictOf(kind, scores.verdict[at]!);
    verdicts[name] = (verdicts[name] ?? 0) + 1;
  }
  const compared = reference && compareScores({ kind, program: scores, reference, binding });
  return {
    events: scores.done,
    verdicts,
    comparison: compared?.result ?? null,
    maxScoreError: compared?.maxScoreError ?? null,
    eventsPerSecond: nsPerEvent ? 1e9 / nsPerEvent : 0,
  };
}
