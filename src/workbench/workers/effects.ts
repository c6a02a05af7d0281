import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { EffectRecorder, type Effects } from '../../replay/effects.ts';
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
  return recorder.result();
}
