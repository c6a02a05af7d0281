import { InputError } from '../base/errors.ts';
import { createReference } from '../reference/reference.ts';
import { type AccuracyEvent, measureAccuracy, nodeAccuracy, type ValueAccuracy } from '../replay/accuracy.ts';
import { packetInputsOf } from '../replay/packet-inputs.ts';
import { ReferenceRunner } from '../replay/reference-runner.ts';
import { type ReplayOptions, type ReplaySummary, type Runner, replayPackets, replayTensors } from '../replay/replay.ts';
import { ModelRunner } from '../replay/runner.ts';
import { replayCalls } from '../replay/syscalls.ts';
import type { CompiledModel, Events, LoadedModel } from './model.ts';

type ScoreOptions = Pick<ReplayOptions, 'onScored'>;

/** Runs events through a program, without a reference. */
export function replayAlone(events: Events, runner: Runner, options: ScoreOptions = {}): Promise<ReplaySummary> {
  if (events.kind === 'calls') return replayCalls(events.calls, inEngine(runner), undefined, options);
  return events.kind === 'packets'
    ? replayPackets(events.packets, runner, { ...options, times: events.times })
    : replayTensors(events.tensors, runner, options);
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
  const inputsOf = fitted && packetInputsOf(fitted, model);
  const chosen: AccuracyEvent[] =
    events.kind === 'tensors'
      ? events.tensors.slice(0, NODE_EVENTS).map((inputs) => ({ inputs }))
      : events.packets
          .slice(0, NODE_CANDIDATES)
          .flatMap((packet, i) => {
            const inputs = inputsOf!(packet, events.times[i]);
            return inputs ? [{ inputs, packet, timeNs: events.times[i] }] : [];
          })
          .slice(0, NODE_EVENTS);
  const reference = await createReference(bytes, { outputs: 'all', fileName: file, externalData });
  try {
    return nodeAccuracy(model, await measureAccuracy(compiled, reference, chosen));
  } finally {
    await reference.release();
  }
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
      ? await replayPackets(events.packets, runner, { ...options, reference, times: events.times })
      : await replayTensors(events.tensors, runner, { ...options, reference });
  } finally {
    await reference.release();
  }
}
