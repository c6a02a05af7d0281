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
/** The virtual clock begins here, so that a program can tell a time from none. */
const CLOCK_START_NS = 1e9;

/** Runs the packets of a trace and records what the program does beside deciding. */
export async function recordEffects(
  { program: spec, trace }: { program: ProgramSpec; trace: BlobRef },
  context: CallContext,
): Promise<Effects> {
  const { program } = await heldProgram(spec, context);
  const held = heldTrace(trace);
  if (held.kind !== 'packets') throw new InputError('the trace holds tensors: only packets are sent on', trace.name);
  await loadParts(program);
  const { frames, time } = held;
  const vm = new Vm(program, { engine: 'wasm', timeLimitMs: TIME_LIMIT_MS });
  const recorder = new EffectRecorder(vm, Math.max(1, Math.ceil(frames.length / SNAPSHOTS)));
  let rested = performance.now();
  for (const [event, frame] of frames.entries()) {
    recorder.run(frame, CLOCK_START_NS + Math.round(time[event]! * 1e9));
    if (performance.now() - rested <= SLICE_MS) continue;
    context.progress('recording', event + 1, frames.length);
    await rest();
    if (context.cancelled) throw new Cancelled();
    rested = performance.now();
  }
  return recorder.result();
}
