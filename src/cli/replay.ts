import { ReferenceRunner } from '../replay/reference-runner.ts';
import { type ReplaySummary, type Runner, replayPackets, replayTensors } from '../replay/replay.ts';
import type { Events, LoadedModel } from './model.ts';

/** Runs events through a program, without a reference. */
export function replayAlone(events: Events, runner: Runner): Promise<ReplaySummary> {
  return events.kind === 'packets' ? replayPackets(events.packets, runner) : replayTensors(events.tensors, runner);
}

/** Runs events through a program and ONNX Runtime. */
export async function replayBeside(loaded: LoadedModel, events: Events, runner: Runner): Promise<ReplaySummary> {
  const { bytes, file, externalData, model, fitted } = loaded;
  const reference = await ReferenceRunner.open(bytes, { fileName: file, externalData }, model, fitted);
  try {
    return events.kind === 'packets'
      ? await replayPackets(events.packets, runner, { reference })
      : await replayTensors(events.tensors, runner, { reference });
  } finally {
    await reference.release();
  }
}
