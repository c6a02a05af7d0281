import { InputError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import type { KernelSaid } from '../../../companion/remote.ts';
import type { ProgramMeta } from '../../../compiler/api.ts';
import { CLOCK_MAP, clockValue } from '../../../hooks/clock.ts';
import { cutOf } from '../../../reference/compare.ts';
import { tensorInputs } from '../../../replay/inputs.ts';
import { Scorer } from '../../../replay/runner.ts';
import { contextKind } from '../../../vm/context.ts';
import { loadParts } from '../../../vm/load-parts.ts';
import { Vm } from '../../../vm/vm.ts';
import type { ProgramSpec } from '../../clients.ts';
import type { BlobRef } from '../../document.ts';
import type { EventRun, SideRun, TextSpec } from '../../kernel-views.ts';
import type { CallContext } from '../../rpc.ts';
import type { EventSpec } from '../../value-views.ts';
import { Batches } from '../batches.ts';
import { eventInputs, inputOf } from '../machine-session.ts';
import { metaModel } from '../replays.ts';
import { RUN_LIMIT_MS } from '../slices.ts';
import { heldTrace } from '../traces.ts';
import { keep } from './kept.ts';
import { asking, lineOf } from './line.ts';
import { programFor } from './program.ts';
import { textCall } from './text.ts';

/** When packets of no trace come: a second after the clock's beginning. */
const SIDE_NS = 1e9;
/** As long as the companion lets a request take. */
const TEXT_LIMIT_MS = 60_000;

interface RunArgs {
  readonly session: string;
  readonly program: ProgramSpec;
  readonly event: EventSpec | TextSpec;
  readonly repeat: number;
}

/** One event through the kernel and through our engine. */
export function runThere({ session, program: spec, event, repeat }: RunArgs, context: CallContext): Promise<EventRun> {
  return asking(context, async (signal) => {
    if (event.kind === 'call')
      throw new InputError('the kernel has no test run for tracepoints', 'test run', 'Replay system calls in the engine');
    const { line, hello } = await lineOf(session);
    const { program, meta } = await programFor(spec, line, hello.release, context);
    await loadParts(program);
    const scorer = new Scorer(program, meta, RUN_LIMIT_MS);
    const remote = await keep(spec, line, program, meta, signal);
    if (event.kind === 'tensors') {
      const inputs = await eventInputs(event, { meta });
      scorer.tensors(inputs);
      const [theirs] = await remote.tensors([inputs], { repeat }, signal);
      const ours = sideOf(scorer, meta, null);
      return compared(ours, theirs!, repeat);
    }
    const text = event.kind === 'text' ? textCall(program, meta, event) : null;
    const input = event.kind === 'text' ? text! : inputOf(program, event.bytes);
    if ('context' in input) {
      const limits = text ? { timeLimitMs: TEXT_LIMIT_MS, maxInsns: Number.MAX_SAFE_INTEGER } : { timeLimitMs: RUN_LIMIT_MS };
      const vm = new Vm(program, { engine: 'wasm', ...limits });
      const { returnValue, context: after } = vm.run(input);
      const [theirs] = await remote.contexts([input.context], signal);
      const ran = compared({ returnValue, score: Number.NaN, outputs: null, data: after }, theirs!, 1);
      return text ? text.read(ran) : ran;
    }
    scorer.packet(input.packet, SIDE_NS);
    const ours = sideOf(scorer, meta, null);
    const after = packetAfter(program, meta, input.packet);
    // Maps of a program that remembers change with every run: the first run is the one that is compared.
    const [theirs] = await remote.packets([input.packet], () => SIDE_NS, { wantData: true }, signal);
    const timed = repeat > 1 ? (await remote.packets([input.packet], () => SIDE_NS, { repeat }, signal))[0]!.ns : theirs!.ns;
    return compared({ ...ours, data: after }, { ...theirs!, ns: timed }, repeat);
  });
}

function sideOf(scorer: Scorer, meta: ProgramMeta | null, data: Uint8Array | null): SideRun {
  const name = meta?.outputs[0]?.name ?? '';
  const outputs = scorer.output ? [{ name, values: Float64Array.from(scorer.output) }] : null;
  return { returnValue: scorer.verdict, score: scorer.score, outputs, data };
}

/** The packet after a run on fresh maps, with metadata before it as a kernel's test run returns it. */
function packetAfter(program: Program, meta: ProgramMeta | null, packet: Uint8Array): Uint8Array | null {
  const { vm } = new Scorer(program, meta, RUN_LIMIT_MS);
  vm.clockNs = SIDE_NS;
  if (vm.maps.has(CLOCK_MAP)) vm.maps.get(CLOCK_MAP).update(new Uint8Array(4), clockValue(SIDE_NS));
  const { packet: after, metadata } = vm.run({ packet });
  if (!after) return null;
  const bytes = new Uint8Array(metadata.length + after.length);
  bytes.set(metadata);
  bytes.set(after, metadata.length);
  return bytes;
}

function compared(ours: SideRun, said: KernelSaid, repeat: number): EventRun {
  const outputs = said.outputs ? Object.entries(said.outputs).map(([name, values]) => ({ name, values })) : null;
  const theirs = { returnValue: said.returnValue, score: said.score, outputs, data: said.data, ns: said.ns };
  const first = outputs?.[0]?.values ?? null;
  const own = ours.outputs?.[0]?.values ?? null;
  const outputsEqual =
    first && own
      ? first.length === own.length && first.every((value, i) => Object.is(value, own[i]))
      : first === null && own === null
        ? null
        : false;
  return { ours, theirs, repeat, outputsEqual, dataDiffers: ours.data && said.data ? partAt(ours.data, said.data) : null };
}

function partAt(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) return i;
  return -1;
}

interface ReplayArgs {
  readonly session: string;
  readonly program: ProgramSpec;
  readonly trace: BlobRef;
}

/** Runs a whole trace through the program in the kernel and sends results in batches; `ns` of each goes before it. */
export function replayThere({ session, program: spec, trace }: ReplayArgs, context: CallContext): Promise<{ events: number; ns: number }> {
  return asking(context, async (signal) => {
    const { line, hello } = await lineOf(session);
    const held = await heldTrace(trace, context);
    const { program, meta } = await programFor(spec, line, hello.release, context);
    if (held.kind === 'calls')
      throw new InputError('the kernel has no test run for tracepoints', trace.name, 'Replay system calls in the engine');
    if (held.kind === 'packets' && contextKind(program.progType) === 'memory')
      throw new InputError('the trace holds packets, and the program takes none', trace.name);
    if (held.kind === 'tensors' && !meta) throw new InputError('this program does not say what tensors it takes', trace.name);
    const remote = await keep(spec, line, program, meta, signal);
    const batches = new Batches(0, context, cutOf(meta?.model.nodes ?? []), held.count);
    let [events, ns] = [0, 0];
    const take = (row: readonly KernelSaid[], hasVerdict: boolean): void => {
      for (const said of row) {
        batches.add(said.score, hasVerdict ? said.returnValue : null, said.outputs ? (Object.values(said.outputs)[0] ?? null) : null);
        ns += said.ns;
      }
      events += row.length;
      batches.sendWhenDue();
      context.progress('running in the kernel', events, held.count);
    };
    try {
      if (held.kind === 'packets') {
        const { packets } = held;
        let frames: Uint8Array[] = [];
        const flush = async (): Promise<void> => {
          const from = events;
          if (frames.length > 0) take(await remote.packets(frames, (at) => packets.timeNs(from + at), {}, signal), true);
          frames = [];
        };
        for await (const { frames: some } of packets.frames()) {
          for (const frame of some) {
            frames.push(frame.slice());
            if (frames.length >= remote.row) await flush();
          }
          signal.throwIfAborted();
        }
        await flush();
      } else {
        const all = tensorInputs(metaModel(meta!), held.arrays);
        for (let at = 0; at < all.length; at += remote.row) {
          signal.throwIfAborted();
          take(await remote.tensors(all.slice(at, at + remote.row), {}, signal), false);
        }
      }
    } finally {
      batches.send();
    }
    return { events, ns };
  });
}
