import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import type { Compiled, FixedStrategy } from '../../compiler/api.ts';
import { compileWeights } from '../../compiler/compile.ts';
import { MAP_OF } from '../../compiler/kernels/frame.ts';
import { readWeightsHeader } from '../../compiler/weights-map.ts';
import { importModel } from '../../onnx/core.ts';
import { patchWeights, type WeightEdit } from '../../onnx/patch-weights.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { type ProgramValue, ValueCollector } from '../../replay/program-values.ts';
import { ModelRunner, probability } from '../../replay/runner.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import type { TouchRequest, TouchValue, TouchView } from '../touch-views.ts';
import type { EventSpec } from '../value-views.ts';
import { bytesOf, Recent } from './blobs.ts';
import { compileOptions } from './build.ts';
import { modelOf } from './models.ts';
import { heldProgram } from './programs.ts';
import { metaModel } from './replays.ts';
import { heldTensors } from './traces.ts';

type FromModel = Extract<ProgramSpec['from'], { kind: 'model' }>;

/** A program whose weights can be exchanged between two runs. */
interface Bench {
  readonly compiled: Compiled;
  readonly program: Program;
  readonly runner: ModelRunner;
  /** Reads the values that were asked for last. */
  collector: { readonly names: string; readonly of: ValueCollector } | null;
  /** The map's contents as compiled, and the code that reads them. */
  readonly data: Uint8Array;
  readonly code: string;
}

const benches = new Recent<Bench>(2);
/** Contents of the weights map by the weights that they hold. */
const contents = new Recent<Uint8Array>(8);
const KEY0 = new Uint8Array(4);

/**
 * Runs one event with changed weights: only the map's bytes are made anew and put in place, as a loader does in the kernel, and the program stays
 * what it is. Scales of activations are those of the program. What it comes to is emitted before the values
 * are read, which takes a run of its own in the interpreter.
 */
export async function touchEvent(
  { program: spec, event, file, weights, values }: TouchRequest & { readonly program: ProgramSpec },
  context: CallContext,
): Promise<TouchView> {
  if (spec.from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  if (event.kind === 'call' || (event.kind === 'packet' && event.after))
    throw new InputError('this program remembers flows or processes: one event alone does not tell what it says', '', 'Replay the trace');
  const bench = benches.get(spec.key) ?? benches.set(spec.key, await opened(spec, spec.from, context));
  const began = performance.now();
  const data = await dataOf(bench, spec, spec.from, { file, weights }, context);
  const { runner, compiled } = bench;
  runner.vm.maps.get(MAP_OF.weights).update(KEY0, data);
  const inputs = event.kind === 'tensors' ? tensorInputs(metaModel(compiled.meta), await heldTensors(event.trace))[event.index] : null;
  if (inputs === undefined) throw new InputError('the tensor file has no such input');
  const outcome = inputs ? runner.runTensors(inputs) : runner.runPacket((event as Extract<EventSpec, { kind: 'packet' }>).bytes);
  const { outputs } = compiled.meta;
  const view: TouchView = {
    verdict: outcome.returnValue,
    score: outcome.score?.ran ? probability(outcome) : null,
    outputs: outcome.outputs ? outputs.map(({ name, dims }) => ({ name, dims, data: Float32Array.from(outcome.outputs![name]!) })) : [],
    values: [],
    insnsExecuted: outcome.insnsExecuted,
    ms: performance.now() - began,
  };
  if (values.length === 0 || outcome.outputs === null) return view;
  context.emit(view);
  const collector = collectorOf(bench, values);
  collector.begin(runner.vm);
  runner.vm.runTraced(inputs ? NO_PACKET : (event as { bytes: Uint8Array }).bytes, (at) => collector.onStop(at), {}, collector.stops);
  const read = collector.result().values;
  return { ...view, values: values.flatMap((name) => read.filter((value) => value.name === name).map(inReals)) };
}

/** The same for the same values: a machine keeps the stops that it is prepared for. */
function collectorOf(bench: Bench, values: readonly string[]): ValueCollector {
  const names = JSON.stringify(values);
  if (bench.collector?.names !== names)
    bench.collector = { names, of: new ValueCollector(bench.program, bench.compiled.tensors, new Set(values)) };
  return bench.collector.of;
}

/** For programs that look at no packet. */
const NO_PACKET = new Uint8Array(64);

const inReals = ({ name, dims, data, scale, scales }: ProgramValue): TouchValue => ({
  name,
  dims,
  data: Float32Array.from(data, (integer, i) => integer * (scales ? scales[i]! : scale)),
});

async function opened(spec: ProgramSpec, from: FromModel, context: CallContext): Promise<Bench> {
  const { program, compiled } = await heldProgram({ ...spec, fork: null }, context);
  if (!compiled) throw new InputError('the program was not compiled here: where its weights lie is not known');
  await loadParts(program);
  const options = await compileOptions(from, spec.options, context);
  if (options.specialise)
    throw new InputError('its weights stand in the code: they cannot be exchanged', '', 'Compile it without --specialise');
  const { code } = compileWeights({ ...options, strategy: compiled.meta.strategy as FixedStrategy });
  return {
    compiled,
    program,
    runner: new ModelRunner(program, compiled.meta),
    collector: null,
    data: program.maps.find(({ name }) => name === MAP_OF.weights)!.data!,
    code,
  };
}

async function dataOf(
  bench: Bench,
  spec: ProgramSpec,
  from: FromModel,
  { file, weights }: { readonly file: BlobRef; readonly weights: readonly WeightEdit[] },
  context: CallContext,
): Promise<Uint8Array> {
  const key = JSON.stringify([spec.key, file.hash, weights]);
  const known = contents.get(key);
  if (known) return known;
  const options = await compileOptions(from, spec.options, context);
  const { dims } = from.model;
  const model =
    weights.length === 0
      ? await modelOf(file, dims)
      : importModel(patchWeights(bytesOf(file), file.name, weights), { fileName: file.name, dims });
  const { inputs, outputs } = bench.compiled.meta;
  const made = compileWeights({ ...options, model, slots: { inputs, outputs }, strategy: bench.compiled.meta.strategy as FixedStrategy });
  const [was, is] = [readWeightsHeader(bench.data), readWeightsHeader(made.data)];
  if (made.code !== bench.code || was?.size !== is?.size || was?.start !== is?.start)
    throw new InputError(
      'with this value the model needs other code: its weights alone do not do',
      file.name,
      'Release it: the model is compiled again',
    );
  const data = bench.data.slice();
  data.set(made.data.subarray(is!.start), is!.start);
  return contents.set(key, data);
}
