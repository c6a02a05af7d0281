import { Cancelled } from '../../base/progress.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import type { Tensors } from '../../reference/reference.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { storeInputs } from '../../replay/runner.ts';
import type { SystemCall } from '../../traces/syscalls/calls.ts';
import { VmFault } from '../../vm/fault.ts';
import { CompiledProfiler } from '../../vm/profile/compiled.ts';
import { Counters } from '../../vm/profile/counters.ts';
import { hotLoops } from '../../vm/profile/loops.ts';
import { type Profile, Profiler } from '../../vm/profile/profiler.ts';
import { Vm, type VmInput } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { ProfileView } from '../machine-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { EventSpec } from '../value-views.ts';
import { callInput, eventInputs, inputOf } from './machine-session.ts';
import { type Held, heldProgram } from './programs.ts';
import { metaModel } from './replays.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

interface ProfileArgs {
  readonly program: ProgramSpec;
  /** One event, or events [from, to) of a trace. */
  readonly of:
    | { readonly kind: 'event'; readonly event: EventSpec; readonly index: number }
    | { readonly kind: 'trace'; readonly trace: BlobRef; readonly from: number; readonly to: number };
}

/** Before it the machine runs this long, so that the browser's optimising compiler has come by. */
const WARM_MS = 200;
/** A measured time needs so much of it: the browser's clock goes in steps of a tenth of a millisecond. */
const TIMED_MS = 50;
/** And no more runs than this. */
const MOST_TIMED = 10_000;
/** What was counted so far is shown this often. */
const SHOWN_EVERY_MS = 500;
/** One event that takes longer is stopped. */
const TIME_LIMIT_MS = 900;
const NO_PACKET = new Uint8Array(0);

type Input = { readonly packet: Uint8Array; readonly tensors: Tensors | null; readonly call?: SystemCall };

const callOf = (call: SystemCall): Input => ({ packet: NO_PACKET, tensors: null, call });

interface Inputs {
  readonly count: number;
  /** Number of the first in its trace. */
  readonly from: number;
  /** All of them in order, some at a time. */
  all(): AsyncIterable<readonly Input[]> | Iterable<readonly Input[]>;
  /** The first ones, which are timed. */
  readonly timed: readonly Input[];
}

/** So many events are held to be timed in rounds. */
const MOST_HELD = 4096;

async function inputsOf({ of }: ProfileArgs, held: Held): Promise<Inputs> {
  if (of.kind === 'event') {
    const { event } = of;
    const one: Input =
      event.kind === 'call'
        ? callOf(event.call)
        : event.kind === 'packet'
          ? { packet: event.bytes, tensors: null }
          : { packet: NO_PACKET, tensors: await eventInputs(event, held) };
    return { count: 1, from: of.index, all: () => [[one]], timed: [one] };
  }
  const trace = await heldTrace(of.trace);
  const { from, to } = of;
  if (trace.kind === 'packets') {
    const { packets } = trace;
    const inputs = (frames: readonly Uint8Array[]): Input[] => frames.map((packet) => ({ packet, tensors: null }));
    return {
      count: to - from,
      from,
      async *all() {
        for await (const { frames } of packets.frames(from, to)) yield inputs(frames);
      },
      timed: inputs(await packets.first(Math.min(MOST_HELD, to - from), from)),
    };
  }
  if (trace.kind === 'calls') {
    const calls = trace.calls.slice(from, to).map(callOf);
    return { count: calls.length, from, all: () => [calls], timed: calls.slice(0, MOST_HELD) };
  }
  const tensors = held.meta ? tensorInputs(metaModel(held.meta), trace.arrays) : [];
  const all = Array.from({ length: to - from }, (_, i): Input => ({ packet: NO_PACKET, tensors: tensors[from + i] ?? null }));
  return { count: all.length, from, all: () => [all], timed: all };
}

/** Counts with counters in WebAssembly, or in the interpreter where there is no WebAssembly. */
function profilerFor({ program }: Held): { vm: Vm; run(input: VmInput): void; result(): Profile } {
  const vm = new Vm(program, { engine: 'wasm', counters: Counters.of, timeLimitMs: TIME_LIMIT_MS });
  const compiled = CompiledProfiler.of(vm);
  if (compiled) return { vm, run: (input) => compiled.run(input), result: () => compiled.result() };
  const interpreted = new Vm(program, { timeLimitMs: TIME_LIMIT_MS });
  const profiler = new Profiler(interpreted);
  return { vm: interpreted, run: (input) => profiler.run(({ prepare }) => prepare(input)), result: () => profiler.result() };
}

/**
 * Counts what events execute, tells now and then what it has so far, and measures the time of the same events without counters. A wish to
 * stop ends it with what was counted.
 */
export async function profileEvents(args: ProfileArgs, context: CallContext): Promise<Transferred<ProfileView>> {
  const held = await heldProgram(args.program, context);
  const inputs = await inputsOf(args, held);
  const { vm, run, result } = profilerFor(held);
  let rested = performance.now();
  const pause = async (stage: string, done: number, total: number): Promise<void> => {
    if (performance.now() - rested < SLICE_MS) return;
    context.progress(stage, done, total);
    await rest();
    rested = performance.now();
  };
  const code = encodeInsns(held.program.insns);
  const starts = [...new Set([0, ...held.program.subprogs.map(({ start }) => start)])].sort((a, b) => a - b);
  const view = (profile: Profile, time: Timed | null): ProfileView => ({
    programKey: args.program.key,
    from: inputs.from,
    ...profile,
    loops: hotLoops(code, starts, profile),
    nsPerEvent: time?.nsPerEvent ?? null,
    timedRuns: time?.runs ?? 0,
    engine: time?.engine ?? 'interp',
  });
  const buffers = ({ counts, taken, byOrigin }: ProfileView): ArrayBuffer[] =>
    [counts, taken, byOrigin].map(({ buffer }) => buffer as ArrayBuffer);
  let done = 0;
  let shown = performance.now();
  for await (const batch of inputs.all()) {
    for (const { packet, tensors, call } of batch) {
      if (context.cancelled) break;
      if (tensors) storeInputs(vm.maps, held.meta!, tensors);
      run(call ? callInput(vm, call) : inputOf(held.program, packet));
      await pause('counting', ++done, inputs.count);
      if (performance.now() - shown > SHOWN_EVERY_MS) {
        const soFar = view(result(), null);
        context.emit(soFar, buffers(soFar));
        shown = performance.now();
      }
    }
    if (context.cancelled) break;
  }
  if (done === 0) throw new Cancelled();
  const profile = result();
  const whole = view(profile, profile.faults > 0 ? null : await timed(held, inputs.timed.slice(0, done), context, pause));
  return new Transferred(whole, buffers(whole));
}

interface Timed {
  readonly nsPerEvent: number;
  readonly runs: number;
  readonly engine: Vm['engine'];
}

/** Time of one event, on a machine of its own, over as many rounds of the events as the clock needs. */
async function timed(
  held: Held,
  inputs: readonly Input[],
  context: CallContext,
  pause: (stage: string, done: number, total: number) => Promise<void>,
): Promise<Timed | null> {
  const vm = new Vm(held.program, { engine: 'wasm', timeLimitMs: TIME_LIMIT_MS });
  const run = (i: number): void => {
    const { packet, tensors } = inputs[i]!;
    if (tensors) storeInputs(vm.maps, held.meta!, tensors);
    vm.runUnseen(inputOf(held.program, packet));
  };
  try {
    const warm = performance.now() + WARM_MS;
    for (let i = 0; (i === 0 || performance.now() < warm) && !context.cancelled; i++) {
      run(i % inputs.length);
      await pause('timing', 0, TIMED_MS);
    }
    let [spent, runs] = [0, 0];
    while (spent < TIMED_MS && runs < MOST_TIMED && !context.cancelled) {
      const began = performance.now();
      // Rounds are timed as a whole: the clock's steps are longer than a run.
      for (let i = 0; i < inputs.length && performance.now() - began < SLICE_MS; i++, runs++) run(i);
      spent += performance.now() - began;
      await pause('timing', Math.min(spent, TIMED_MS), TIMED_MS);
    }
    return runs > 0 && spent > 0 ? { nsPerEvent: (spent / runs) * 1e6, runs, engine: vm.engine } : null;
  } catch (error) {
    if (error instanceof VmFault) return null;
    throw error;
  }
}
