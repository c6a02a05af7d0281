import { InputError } from '../base/errors.ts';
import { createReference } from '../reference/reference.ts';
import { type AccuracyEvent, measureAccuracy, nodeAccuracy, type ValueAccuracy } from '../replay/accuracy.ts';
import type { PacketInputs } from '../replay/inputs.ts';
import { packetInputsOf } from '../replay/packet-inputs.ts';
import { ReferenceRunner } from '../replay/reference-runner.ts';
import { type ReplayOptions, type ReplaySummary, type Runner, replayPackets, replayTensors } from '../replay/replay.ts';
import { ModelRunner } from '../replay/runner.ts';
import { replayCalls } from '../replay/syscalls.ts';
import type { CompiledModel, Events, LoadedModel } from './model.ts';
import type { PacketEvents } from './packets.ts';

type ScoreOptions = Pick<ReplayOptions, 'onScored'>;

/** Runs events through a program, without a reference. */
export function replayAlone(events: Events, runner: Runner, options: ScoreOptions = {}): Promise<ReplaySummary> {
  if (events.kind === 'calls') return replayCalls(events.calls, inEngine(runner), undefined, options);
  return events.kind === 'packets' ? replayPackets(events.batches(), runner, options) : replayTensors(events.tensors, runner, options);
}

/** Events whose intermediate values are compared: an interpreter reads them, and more say little more. */
const NODE_EVENTS = 16;
/** Packets among which they are looked for. */
const NODE_CANDIDATES = 10_000;

/** How far the first events' value behind every node is from ONNX Runtime's; null for nodes that have none of their own. */
export async function errorsByNode(
  { bytes, file, externalData, model, fitted, compiled }: CompiledModel,
  events: Events,
): Promise<(ValueAccuracy | null)[] | null> {
  // The reader of values runs packets and tensors.
  if (events.kind === 'calls') return null;
  const chosen: AccuracyEvent[] =
    events.kind === 'tensors'
      ? events.tensors.slice(0, NODE_EVENTS).map((inputs) => ({ inputs }))
      : await packetsToCompare(events, packetInputsOf(fitted!, model));
  const reference = await createReference(bytes, { outputs: 'all', fileName: file, externalData });
  try {
    return nodeAccuracy(model, await measureAccuracy(compiled, reference, chosen));
  } finally {
    await reference.release();
  }
}

/** The first packets that the model sees. */
async function packetsToCompare(events: PacketEvents, inputsOf: PacketInputs): Promise<AccuracyEvent[]> {
  const chosen: AccuracyEvent[] = [];
  for await (const { packets, times } of events.batches(0, Math.min(NODE_CANDIDATES, events.count))) {
    for (const [at, packet] of packets.entries()) {
      const timeNs = times[at]!;
      const inputs = inputsOf(packet, timeNs);
      if (inputs) chosen.push({ inputs, packet: packet.slice(), timeNs });
      if (chosen.length === NODE_EVENTS) return chosen;
    }
  }
  return chosen;
}

/** A kernel runs no tracepoint program for a test. */
function inEngine(runner: Runner): ModelRunner {
  if (runner instanceof ModelRunner) return runner;
  throw new InputError(
    'the kernel has no test run for tracepoints',
    '--engine kernel',
    'Attach the object: bpftool prog loadall OUT.o PATH autoattach',
  );
}

/** Runs events through a program and ONNX Runtime. */
export async function replayBeside(
  loaded: LoadedModel,
  events: Events,
  runner: Runner,
  options: ScoreOptions = {},
): Promise<ReplaySummary> {
  const { bytes, file, externalData, model, fitted } = loaded;
  const reference = await ReferenceRunner.open(
    bytes,
    { fileName: file, externalData },
    model,
    fitted,
    fitted ? packetInputsOf(fitted, model) : undefined,
  );
  try {
    if (events.kind === 'calls') return await replayCalls(events.calls, inEngine(runner), { reference, fitted: fitted!, model }, options);
    return events.kind === 'packets'
      ? await replayPackets(events.batches(), runner, { ...options, reference })
      : await replayTensors(events.tensors, runner, { ...options, reference });
  } finally {
    await reference.release();
  }
}
