import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Calibration, CompileOptions, Quant } from '../../compiler/api.ts';
import { familiesFor } from '../../compiler/families.ts';
import { allParts } from '../../compiler/parts.ts';
import { type SearchCost, searchPrecision } from '../../compiler/precision-search.ts';
import { swapped, weightsFile, weightsTarget } from '../../compiler/weights-file.ts';
import type { Binding } from '../../hooks/binding.ts';
import type { Model } from '../../onnx/model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import { cutOf } from '../../reference/compare.ts';
import { createReference } from '../../reference/reference.ts';
import { type AccuracyEvent, measureAccuracy, nodeAccuracy } from '../../replay/accuracy.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { productsOf, type TrialEvents, trialsOf } from '../../replay/precision-trials.ts';
import { ModelRunner, type Outcome, probability } from '../../replay/runner.ts';
import type { ModelSpec, ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { AccuracyView, SearchView, TrialEvent } from '../number-views.ts';
import type { CallContext } from '../rpc.ts';
import { Batches, firstOutput } from './batches.ts';
import { bytesOf } from './blobs.ts';
import { fitted, hookFor, inputsOfPackets } from './bound.ts';
import { compileModel } from './build.ts';
import { modelOf } from './models.ts';
import { heldProgram } from './programs.ts';
import { rest, SLICE_MS } from './rest.ts';
import { type HeldTrace, heldTrace } from './traces.ts';

/** Events whose intermediate values are compared: an interpreter reads them. */
const NODE_EVENTS = 16;
/** Events that every trial of a search runs. */
const TRIAL_EVENTS = 256;
const KEY0 = new Uint8Array(4);

type FromModel = Extract<ProgramSpec['from'], { kind: 'model' }>;

interface OnTrace {
  readonly program: ProgramSpec;
  readonly trace: BlobRef;
}

function fromModel({ from }: ProgramSpec): FromModel {
  if (from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  return from;
}

/** The events of a trace that the model sees, at most `most`. */
async function eventsOf(model: Model, binding: Binding, trace: BlobRef, most: number): Promise<AccuracyEvent[]> {
  const held = await heldTrace(trace);
  if (held.kind === 'tensors')
    return tensorInputs(model, held.arrays)
      .slice(0, most)
      .map((inputs) => ({ inputs }));
  const fit = await fitted(binding, model);
  if (!fit) throw new InputError('a tensor binding takes no packets', trace.name);
  if (held.kind === 'calls') throw new InputError('values are read from packets and tensors, not from system calls', trace.name);
  const { packets } = held;
  const inputsOf = await inputsOfPackets(fit, model);
  const events: AccuracyEvent[] = [];
  for await (const { from, frames } of packets.frames()) {
    for (const [at, packet] of frames.entries()) {
      if (events.length === most) return events;
      const timeNs = packets.timeNs(from + at);
      const inputs = inputsOf(packet, timeNs);
      if (inputs) events.push({ inputs, packet: packet.slice(), timeNs });
    }
  }
  return events;
}

async function pause(context: CallContext): Promise<void> {
  await rest();
  if (context.cancelled) throw new Cancelled();
}

/** The error of every node over the first events of the trace. */
export async function accuracy({ program: spec, trace }: OnTrace, context: CallContext): Promise<AccuracyView> {
  const { model: source, binding } = fromModel(spec);
  const { compiled } = await heldProgram(spec, context);
  if (!compiled) throw new InputError('the program was edited by hand: where its values lie is not known');
  const model = await modelOf(source.model, source.dims);
  const events = await eventsOf(model, binding, trace, NODE_EVENTS);
  context.progress('loading ONNX Runtime', 0, 0);
  const reference = await createReference(bytesOf(source.model), { outputs: 'all', fileName: source.model.name });
  try {
    const byValue = await measureAccuracy(compiled, reference, events, async (done, total) => {
      context.progress('comparing values', done, total);
      await pause(context);
    });
    const errors = nodeAccuracy(model, byValue);
    const nodes = model.nodes.flatMap(({ index, name, op }, i) => (errors[i] ? [{ node: index, name, op, ...errors[i] }] : []));
    return { events: events.length, nodes };
  } finally {
    await reference.release();
  }
}

/** Nodes of the products with weights, largest first. */
export async function products({ program: spec }: { program: ProgramSpec }): Promise<string[]> {
  const { model: source } = fromModel(spec);
  const model = await modelOf(source.model, source.dims);
  return productsOf({ model, families: await familiesFor(model) });
}

/** The cheapest precisions that agree often enough on the first events of the trace; every trial is told as it comes. */
export async function search(
  { program: spec, trace, minAgreement, cost }: OnTrace & { minAgreement: number; cost: SearchCost },
  context: CallContext,
): Promise<SearchView> {
  const { model: source, binding, calibration } = fromModel(spec);
  const model = await modelOf(source.model, source.dims);
  const fit = await fitted(binding, model);
  const events = await eventsOf(model, binding, trace, TRIAL_EVENTS);
  const trial: TrialEvents = fit
    ? { kind: 'packets', packets: events.map(({ packet }) => packet!), times: events.map(({ timeNs }) => timeNs!) }
    : { kind: 'tensors', tensors: events.map(({ inputs }) => inputs) };
  const options: Omit<CompileOptions, 'quant'> = {
    model,
    modelFile: source.model.name,
    calibration: calibration as Calibration,
    hook: await hookFor(fit),
    kernel: spec.options.kernel,
    strategy: spec.options.strategy,
    families: await familiesFor(model),
    parts: await allParts(),
  };
  context.progress('loading ONNX Runtime', 0, 0);
  const reference = await createReference(bytesOf(source.model), { fileName: source.model.name });
  try {
    const { measure } = trialsOf(options, trial, [reference, model, fit]);
    const { quant, met } = await searchPrecision({
      products: productsOf(options),
      minAgreement,
      cost,
      measure: async (choice: Quant) => {
        await pause(context);
        return measure(choice);
      },
      report: (tried, done, total) => {
        context.progress('trying precisions', done, total);
        context.emit({ trial: tried } satisfies TrialEvent);
      },
    });
    return { quant, met };
  } finally {
    await reference.release();
  }
}

interface SwapArgs extends OnTrace {
  /** The new model. */
  readonly next: ModelSpec;
  readonly from: number;
}

/**
 * Puts the weights of another training into the running program before event `from`, as a loader does in the kernel, and sends the results of
 * the events from there on in batches. A model of another architecture is refused.
 */
export async function swapWeights({ program: spec, trace, next, from }: SwapArgs, context: CallContext): Promise<void> {
  const { binding } = fromModel(spec);
  const { program, compiled } = await heldProgram(spec, context);
  if (!compiled) throw new InputError('the program was edited by hand: weights fit the compiled one');
  const target = weightsTarget(compiled, spec.key);
  const model = await modelOf(next.model, next.dims);
  context.progress('loading ONNX Runtime', 0, 0);
  const samples = (await eventsOf(model, binding, trace, TRIAL_EVENTS)).map(({ inputs }) => inputs);
  const calibration = await calibrate(bytesOf(next.model), samples, {
    source: 'trace',
    method: spec.options.method,
    fileName: next.model.name,
    progress: {
      report: (stage, done, total) => context.progress(stage, done, total),
      get cancelled() {
        return context.cancelled;
      },
    },
  });
  const { inputs, outputs } = compiled.meta;
  const fresh = await compileModel(
    { kind: 'model', model: next, calibration, binding },
    { ...spec.options, slots: { inputs, outputs } },
    context,
  );
  const file = weightsFile(fresh, target, next.model.name);
  const runner = new ModelRunner(program, compiled.meta);
  const weights = runner.vm.maps.get('.data.weights');
  weights.update(KEY0, swapped(weights.lookup(KEY0)!, file, next.model.name));
  const held = await heldTrace(trace);
  const { count } = held;
  const batches = new Batches(from, context, cutOf(compiled.meta.model.nodes), count, runner.vm.engine);
  let rested = performance.now();
  let done = from;
  for await (const outcomes of outcomesFrom(held, model, runner, from)) {
    for (const outcome of outcomes) {
      batches.add(probability(outcome), held.kind === 'packets' ? outcome.returnValue : null, firstOutput(outcome.outputs));
      done++;
      if (performance.now() - rested <= SLICE_MS) continue;
      batches.sendWhenDue();
      context.progress('replaying with the new weights', done - from, count - from);
      await pause(context);
      rested = performance.now();
    }
  }
  batches.send();
}

/** What the program says about the events of a trace from number `from` on, computed as they are taken. */
async function* outcomesFrom(held: HeldTrace, model: Model, runner: ModelRunner, from: number): AsyncGenerator<Iterable<Outcome>> {
  if (held.kind === 'packets') {
    const { packets } = held;
    for await (const { from: first, frames } of packets.frames(from))
      yield mapped([...frames.entries()], ([at, frame]) => runner.runPacket(frame, packets.timeNs(first + at)));
    return;
  }
  if (held.kind === 'calls') throw new InputError('weights are replaced along packets and tensors, not along system calls');
  const tensors = tensorInputs(model, held.arrays).slice(from);
  yield mapped(tensors, (inputs) => runner.runTensors(inputs));
}

function* mapped<T, R>(list: readonly T[], one: (item: T) => R): Generator<R> {
  for (const item of list) yield one(item);
}
