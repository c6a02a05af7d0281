import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { OP_CALL, PSEUDO_CALL } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { storeInputs } from '../../replay/runner.ts';
import { Profiler } from '../../vm/profile/profiler.ts';
import { Vm, type VmInput } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { NodeTimesView } from '../machine-views.ts';
import type { CallContext } from '../rpc.ts';
import type { EventSpec } from '../value-views.ts';
import { type Timed, timesInTurns } from './in-turns.ts';
import { callInput, eventInputs, inputOf } from './machine-session.ts';
import { type Held, heldProgram } from './programs.ts';
import { rest } from './rest.ts';
import { heldTrace } from './traces.ts';

/** Programs that are timed: one for each stage that is let run, or for as many stages together as this leaves. */
const MOST_CUTS = 32;
/** Packets that are looked at for one that the model sees. */
const MOST_TRIED = 64;
const TIME_LIMIT_MS = 900;
/** `r0 = 0`, in place of a call. */
const NO_CALL = { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 } as const;

interface TimesArgs {
  readonly program: ProgramSpec;
  readonly event: EventSpec;
  /** Where to look for a packet that the model sees if it does not see this one. */
  readonly trace: BlobRef | null;
}

type Run = (vm: Vm, how: (input: VmInput) => void) => void;

/** Calls of stages in the main function, in order. */
export function stageCalls({ insns, subprogs }: Pick<Program, 'insns' | 'subprogs'>): number[] {
  const end = subprogs[1]?.start ?? insns.length;
  const stages = new Set(subprogs.filter(({ name }) => /^stage_\d+$/.test(name)).map(({ start }) => start));
  const calls: number[] = [];
  for (let at = 0; at < end; at++) {
    const { opcode, src, imm } = insns[at]!;
    if (opcode === OP_CALL && src === PSEUDO_CALL && stages.has(at + 1 + imm)) calls.push(at);
  }
  return calls;
}

/** The program without the calls of stages from number `from` on. */
export function cutProgram(program: Program, calls: readonly number[], from: number): Program {
  const left = new Set(calls.slice(from));
  return { ...program, insns: program.insns.map((insn, at) => (left.has(at) ? { ...insn, ...NO_CALL } : insn)) };
}

/**
 * Nanoseconds of every node in the engine, on one event. Stages are left out from the end, one more each time: what a stage takes is what the program
 * loses with it. The nodes of a stage share its time by the instructions that they execute in it.
 */
export async function nodeTimes(args: TimesArgs, context: CallContext): Promise<NodeTimesView> {
  const held = await heldProgram(args.program, context);
  const { program } = held;
  const calls = stageCalls(program);
  if (calls.length === 0) throw new InputError('the program has no stages that could be timed apart');
  const cuts = cutsOf(calls.length);
  const run = await runOf(held, args);
  const pause = async (stage: string, done: number, total: number): Promise<void> => {
    context.progress(stage, done, total);
    await rest();
    if (context.cancelled) throw new Cancelled();
  };
  const parts: (Timed & { readonly byOrigin: Float64Array })[] = [];
  for (const from of cuts) {
    const cut = cutProgram(program, calls, from);
    const vm = new Vm(cut, { engine: 'wasm', timeLimitMs: TIME_LIMIT_MS });
    parts.push({ ...executedOf(cut, run), run: () => run(vm, (input) => vm.runUnseen(input)) });
    await pause('counting', parts.length, cuts.length);
  }
  const times = await timesInTurns(parts, (round, most) => pause('timing stages', round, most));
  return {
    programKey: args.program.key,
    stages: calls.length,
    cuts: cuts.length - 1,
    ...shared(
      program,
      times,
      parts.map(({ byOrigin }) => byOrigin),
    ),
  };
}

/** How many stages each cut lets run: none, then more and more, then all. */
function cutsOf(stages: number): number[] {
  const parts = Math.min(stages, MOST_CUTS);
  return Array.from({ length: parts + 1 }, (_, at) => Math.round((at * stages) / parts));
}

/** Time by node from the times of the cut programs and what each executes by origin. */
export function shared(
  { origins }: Pick<Program, 'origins'>,
  times: readonly number[],
  counted: readonly Float64Array[],
): Pick<NodeTimesView, 'nodes' | 'rest'> {
  const nodes = new Map<number, number>();
  let before = times[0]!;
  for (let at = 1; at < times.length; at++) {
    // A stage cannot take less than nothing: what noise takes from one it gives to the next.
    const time = Math.max(0, times[at]! - before);
    before += time;
    const own = origins.map(({ kind }, origin) => (kind === 'node' ? Math.max(0, counted[at]![origin]! - counted[at - 1]![origin]!) : 0));
    const all = own.reduce((sum, one) => sum + one, 0);
    if (all === 0) continue;
    own.forEach((executed, origin) => {
      if (executed > 0) nodes.set(origins[origin]!.nodeIdx, (nodes.get(origins[origin]!.nodeIdx) ?? 0) + (time * executed) / all);
    });
  }
  return { nodes: [...nodes].sort(([a], [b]) => a - b), rest: times[0]! };
}

function executedOf(program: Program, run: Run): { readonly executed: number; readonly byOrigin: Float64Array } {
  const vm = new Vm(program, { timeLimitMs: TIME_LIMIT_MS });
  const profiler = new Profiler(vm);
  run(vm, (input) => profiler.run(({ prepare }) => prepare(input)));
  const { executed, byOrigin } = profiler.result();
  return { executed, byOrigin };
}

/** Puts the event where a program finds it: the one that is asked for, or the first packet that the model sees. */
async function runOf(held: Held, { event, trace }: TimesArgs): Promise<Run> {
  if (event.kind === 'tensors') {
    const tensors = await eventInputs(event, held);
    return (vm, how) => {
      storeInputs(vm.maps, held.meta!, tensors);
      how(inputOf(held.program, new Uint8Array(0)));
    };
  }
  if (event.kind === 'call') {
    const { call } = event;
    return (vm, how) => how(callInput(vm, call));
  }
  const packetRun =
    (packet: Uint8Array): Run =>
    (_, how) =>
      how(inputOf(held.program, packet));
  const traced = trace ? await heldTrace(trace) : null;
  const frames = traced?.kind === 'packets' ? await traced.packets.first(MOST_TRIED) : [];
  const seen = [event.bytes, ...frames].find((packet) => {
    const { byOrigin } = executedOf(held.program, packetRun(packet));
    return held.program.origins.some(({ kind }, at) => kind === 'node' && byOrigin[at]! > 0);
  });
  return packetRun(seen ?? event.bytes);
}
