import { InputError } from '../../base/errors.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { cutOf } from '../../reference/compare.ts';
import type { tensorInputs } from '../../replay/inputs.ts';
import { Scorer } from '../../replay/runner.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import type { After } from '../value-views.ts';
import { Batches } from './batches.ts';
import { Recent } from './blobs.ts';
import { heldProgram } from './programs.ts';
import { RUN_LIMIT_MS, Slices } from './slices.ts';
import { heldTrace } from './traces.ts';

/** A machine in the midst of a trace: its maps are as the events before `next` of `trace` have left them. */
interface Runner {
  readonly scorer: Scorer;
  trace: string;
  next: number;
}

const runners = new Recent<Runner>(2);
/** Edited packets run on a machine of their own, so that counters of the replay stay those of the trace. */
const sideRunners = new Recent<Runner>(2);

/** When edited packets come: a second after the clock's beginning, so that a program can tell a time from none. */
const SIDE_NS = 1e9;

async function runnerOf(spec: ProgramSpec, context: CallContext, cache: Recent<Runner>): Promise<Runner> {
  const known = cache.get(spec.key);
  if (known) return known;
  const { program, meta } = await heldProgram(spec, context);
  await loadParts(program);
  // A program without our metadata takes packets and says no more than its return value.
  return cache.set(spec.key, { scorer: new Scorer(program, meta, RUN_LIMIT_MS), trace: '', next: 0 });
}

interface ReplayArgs {
  readonly program: ProgramSpec;
  readonly trace: BlobRef;
  readonly from: number;
  readonly to: number;
}

/**
 * Runs events [from, to) and sends their results in batches, those of a replay that is stopped too. The machine goes on from where the call
 * before it ended; one that does not stand there runs the events before `from` again first, unless they decide nothing.
 */
export async function replay({ program: spec, trace, from, to }: ReplayArgs, context: CallContext): Promise<void> {
  const held = await heldTrace(trace, context);
  const { program, meta, compiled } = await heldProgram(spec, context);
  const runner = await runnerOf(spec, context, runners);
  const stands = runner.trace === trace.hash && runner.next === from;
  const begin =
    stands || (from > 0 && (await import('../../replay/sharing.ts')).whyNotShared(program, compiled !== null) === '') ? from : 0;
  const { scorer } = runner;
  if (begin === 0) scorer.reset();
  // Another call takes the machine from this one by its number.
  runner.trace = trace.hash;
  runner.next = -1;
  const batches = new Batches(from, context, cutOf(meta?.model.nodes ?? []), held.count, scorer.vm.engine);
  const slices = new Slices(context, batches, begin);
  let at = begin;
  try {
    if (held.kind === 'packets') {
      const { packets } = held;
      for await (const { frames } of packets.frames(begin, to)) {
        for (const frame of frames) {
          scorer.packet(frame, packets.timeNs(at));
          if (at++ >= from) batches.add(scorer.score, scorer.verdict, scorer.output, scorer.executed);
          if (slices.due(at)) await slices.rest(at);
        }
      }
    } else if (held.kind === 'calls') {
      while (at < to) {
        scorer.call(held.calls[at]!);
        if (at++ >= from) batches.add(scorer.score, scorer.verdict, scorer.output, scorer.executed);
        if (slices.due(at)) await slices.rest(at);
      }
    } else {
      if (!meta) throw new InputError('this program does not say what tensors it takes', trace.name);
      const { tensorInputs: inputsOf } = await import('../../replay/inputs.ts');
      for (const inputs of inputsOf(metaModel(meta), held.arrays).slice(begin, to)) {
        scorer.tensors(inputs);
        if (at++ >= from) batches.add(scorer.score, null, scorer.output, scorer.executed);
        if (slices.due(at)) await slices.rest(at);
      }
    }
  } finally {
    slices.end();
    runner.next = at;
  }
}

/** Inputs as tensorInputs wants them, from what a compiled program says about itself. */
export function metaModel(meta: ProgramMeta): Parameters<typeof tensorInputs>[0] {
  return { inputs: meta.inputs.map(({ name, dims, elem }) => ({ name, dims, dtype: elem === 'u16' ? 'int64' : 'float32' })) };
}

/** One edited packet; `after`: what a program that remembers must have seen before it. */
export async function scoreOne(
  { program, bytes, after }: { program: ProgramSpec; bytes: Uint8Array; after?: After },
  context: CallContext,
): Promise<{ score: number; verdict: number }> {
  const { scorer } = await runnerOf(program, context, sideRunners);
  const held = after ? await heldTrace(after.trace, context) : null;
  if (held?.kind === 'packets') {
    const { packets } = held;
    scorer.reset();
    for await (const { from, frames } of packets.frames(0, after!.index))
      for (const [at, frame] of frames.entries()) scorer.packet(frame, packets.timeNs(from + at));
    scorer.packet(bytes, packets.timeNs(after!.index));
  } else scorer.packet(bytes, SIDE_NS);
  return { score: scorer.score, verdict: Math.min(255, scorer.verdict) };
}
