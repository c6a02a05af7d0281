import { Cancelled } from '../../base/progress.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { cutOf } from '../../reference/compare.ts';
import type { Tensors } from '../../reference/reference.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { ModelRunner, probability } from '../../replay/runner.ts';
import { Vm } from '../../vm/core.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { Batches, firstOutput } from './batches.ts';
import { Recent } from './blobs.ts';
import { heldProgram } from './programs.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

/** What an event comes to, in the columns' terms. */
interface Scored {
  /** NaN where no model ran. */
  readonly score: number;
  readonly verdict: number;
  readonly output: ArrayLike<number> | null;
}

interface Runner {
  readonly engine: Vm['engine'];
  packet(frame: Uint8Array): Scored;
  tensors(inputs: Tensors): Scored;
}

const runners = new Recent<Runner>(2);
/** Edited packets run on a machine of their own, so that counters of the replay stay those of the trace. */
const sideRunners = new Recent<Runner>(2);

/** A program that takes longer for one event does not end, as far as a tab is concerned. */
const RUN_LIMIT_MS = 900;
/** Events between two looks at the clock, at the most: later ones may take longer. */
const MOST_STRIDE = 256;

async function runnerOf(spec: ProgramSpec, context: CallContext, cache: Recent<Runner>): Promise<Runner> {
  const known = cache.get(spec.key);
  if (known) return known;
  const { program, meta } = await heldProgram(spec, context);
  await loadParts(program);
  if (meta) {
    const runner = new ModelRunner(program, meta, 'wasm', RUN_LIMIT_MS);
    const scored = (outcome: ReturnType<ModelRunner['runPacket']>): Scored => ({
      score: probability(outcome),
      verdict: outcome.returnValue,
      output: firstOutput(outcome.outputs),
    });
    return cache.set(spec.key, {
      engine: runner.vm.engine,
      packet: (frame) => scored(runner.runPacket(frame)),
      tensors: (inputs) => scored(runner.runTensors(inputs)),
    });
  }
  // A program without our metadata takes packets and says no more than its return value.
  const vm = new Vm(program, { engine: 'wasm', timeLimitMs: RUN_LIMIT_MS });
  const packet = (frame: Uint8Array): Scored => ({ score: Number.NaN, verdict: vm.runUnseen({ packet: frame }), output: null });
  return cache.set(spec.key, { engine: vm.engine, packet, tensors: () => packet(new Uint8Array(64)) });
}

interface ReplayArgs {
  readonly program: ProgramSpec;
  readonly trace: BlobRef;
  readonly from: number;
  readonly to: number;
}

/** Runs events [from, to) and sends their results in batches. */
export async function replay({ program, trace, from, to }: ReplayArgs, context: CallContext): Promise<void> {
  const runner = await runnerOf(program, context, runners);
  const held = heldTrace(trace);
  const { meta } = await heldProgram(program, context);
  const inputs = held.kind === 'tensors' && meta ? tensorInputs(metaModel(meta), [{ tensor: held.tensor, where: held.where }]) : [];
  const batches = new Batches(from, context, cutOf(meta?.model.nodes ?? []), runner.engine);
  let rested = performance.now();
  // The clock is dear beside a small filter: it is looked at after as many events as take about a tenth of a slice.
  let stride = 1;
  let looked = from;
  let began = from;
  for (let i = from; i < to; i++) {
    const { score, verdict, output } = held.kind === 'packets' ? runner.packet(held.frames[i]!) : runner.tensors(inputs[i]!);
    batches.add(score, held.kind === 'packets' ? verdict : null, output);
    if (i + 1 - looked < stride) continue;
    looked = i + 1;
    const spent = performance.now() - rested;
    if (spent <= SLICE_MS) continue;
    stride = Math.max(1, Math.min(MOST_STRIDE, Math.floor(((i + 1 - began) * SLICE_MS) / spent / 10)));
    batches.spend(spent);
    batches.sendWhenDue();
    await rest();
    if (context.cancelled) throw new Cancelled();
    rested = performance.now();
    began = i + 1;
  }
  batches.spend(performance.now() - rested);
  batches.send();
}

/** Inputs as tensorInputs wants them, from what a compiled program says about itself. */
export function metaModel(meta: ProgramMeta): Parameters<typeof tensorInputs>[0] {
  return { inputs: meta.inputs.map(({ name, dims, elem }) => ({ name, dims, dtype: elem === 'u16' ? 'int64' : 'float32' })) };
}

/** One edited packet. */
export async function scoreOne(
  { program, bytes }: { program: ProgramSpec; bytes: Uint8Array },
  context: CallContext,
): Promise<{ score: number; verdict: number }> {
  const { score, verdict } = (await runnerOf(program, context, sideRunners)).packet(bytes);
  return { score, verdict: Math.min(255, verdict) };
}
