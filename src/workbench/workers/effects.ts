import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { EffectRecorder, type Effects } from '../../replay/effects.ts';
import { clockStep, type EventCosts, percentile, timeOf, type VerdictCost } from '../../replay/event-cost.ts';
import type { PacketTrace } from '../../replay/packet-trace.ts';
import { loadParts } from '../../vm/load-parts.ts';
import { Vm } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { heldProgram } from './programs.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

/** One event that takes longer is stopped. */
const TIME_LIMIT_MS = 900;
const SNAPSHOTS = 64;

/** Runs the packets of a trace and records what the program does beside deciding. */
export async function recordEffects(
  { program: spec, trace }: { program: ProgramSpec; trace: BlobRef },
  context: CallContext,
): Promise<Effects> {
  const { program } = await heldProgram(spec, context);
  const held = await heldTrace(trace, context);
  if (held.kind !== 'packets') throw new InputError('the trace holds no packets: only packets are sent on', trace.name);
  await loadParts(program);
  const { packets, count } = held;
  const vm = new Vm(program, { engine: 'wasm', timeLimitMs: TIME_LIMIT_MS });
  const recorder = new EffectRecorder(vm, Math.max(1, Math.ceil(count / SNAPSHOTS)));
  let rested = performance.now();
  for await (const { from, frames } of packets.frames()) {
    for (const [at, frame] of frames.entries()) {
      recorder.run(frame, packets.timeNs(from + at));
      if (performance.now() - rested <= SLICE_MS) continue;
      context.progress('recording', from + at + 1, count);
      await rest();
      if (context.cancelled) throw new Cancelled();
      rested = performance.now();
    }
  }
  const effects = recorder.result();
  const { verdicts, ...clock } = await timed(vm, recorder, packets, context);
  return { ...effects, costs: { verdicts, ...clock } };
}

/** Events of each verdict that are timed, and how long each is run again and again for it. */
const [MOST_TIMED, RUN_MS] = [100, 2];

/** Times events of each verdict, from the cheapest to the dearest, on the maps as they are at the end of the trace. */
async function timed(vm: Vm, recorder: EffectRecorder, packets: PacketTrace, context: CallContext): Promise<EventCosts> {
  const now = () => performance.now();
  const summary = recorder.costs.summary(MOST_TIMED);
  const total = summary.reduce((sum, { chosen }) => sum + chosen.length, 0);
  const verdicts: VerdictCost[] = [];
  let done = 0;
  for (const { chosen, ...cost } of summary) {
    const times: number[] = [];
    for (const event of chosen) {
      const packet = await packets.frame(event);
      vm.clockNs = packets.timeNs(event);
      times.push(timeOf(() => vm.runUnseen({ packet }), RUN_MS, now));
      context.progress('timing', ++done, total);
      await rest();
      if (context.cancelled) throw new Cancelled();
    }
    times.sort((a, b) => a - b);
    verdicts.push({ ...cost, ns: { timed: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) } });
  }
  return { verdicts, clockStepMs: clockStep(now), runMs: RUN_MS };
}
