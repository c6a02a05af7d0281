import { InputError } from '../base/errors.ts';
import type { Calibration, CalibrationMethod, Compiled, CompileOptions } from '../compiler/api.ts';
import { parseMethod } from '../compiler/calibration-method.ts';
import { compile } from '../compiler/compile.ts';
import { familiesFor } from '../compiler/families.ts';
import { allParts } from '../compiler/parts.ts';
import { DEFAULT_PRECISION } from '../compiler/precision.ts';
import type { SearchCost } from '../compiler/precision-search.ts';
import { checkSize } from '../compiler/size.ts';
import type { Binding } from '../hooks/binding.ts';
import { checkAnyBinding } from '../hooks/features/fit.ts';
import { parseAnyBinding } from '../hooks/features/parse.ts';
import type { FittedBinding } from '../hooks/fit.ts';
import { hookOf } from '../hooks/hook.ts';
import { TENSOR_BINDING, tensorHook } from '../hooks/tensor.ts';
import { importModel } from '../onnx/import.ts';
import type { Model } from '../onnx/model.ts';
import type { ExternalData } from '../onnx/tensor.ts';
import { calibrate } from '../reference/calibrate.ts';
import { generateInputs } from '../reference/generate.ts';
import type { Tensors } from '../reference/reference.ts';
import { tensorInputs } from '../replay/inputs.ts';
import { generatedFeatures, packetInputsOf } from '../replay/packet-inputs.ts';
import { NO_SCALING, type PictureScaling, pictures } from '../replay/pictures.ts';
import type { TrialEvents } from '../replay/precision-trials.ts';
import { callInputs } from '../replay/syscalls.ts';
import { isTensorFile, readTensors } from '../replay/tensor-files.ts';
import { readPng } from '../traces/png.ts';
import { readCalls, type SystemCall } from '../traces/syscalls/calls.ts';
import { type Args, choice, dims, KERNELS, pictureScaling, quantOption, STRATEGIES, share } from './args.ts';
import { fileName, picturesIn, readInput, readText, tell } from './io.ts';
import { isCapture, PacketEvents } from './packets.ts';
import { type Searched, searchQuant } from './search.ts';

/** Inputs generated for calibration where no trace is given. */
const GENERATED_SAMPLES = 64;
const GENERATED_SEED = 1;

export interface LoadedModel {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly externalData: ExternalData;
  readonly model: Model;
  readonly binding: Binding;
  /** Null for a tensor binding. */
  readonly fitted: FittedBinding | null;
}

export interface CompiledModel extends LoadedModel {
  readonly compiled: Compiled;
  /** What it was compiled with. */
  readonly options: CompileOptions;
  /** What it was calibrated on; null when that was generated. */
  readonly events: Events | null;
  /** How its precision was found; null when it was given. */
  readonly searched: Searched | null;
}

/** Imports the model and the binding that goes with it. */
export function loadModel(path: string, args: Args): LoadedModel {
  const bindingPath = args.string('binding');
  const binding = bindingPath === undefined ? TENSOR_BINDING : parseAnyBinding(readText(bindingPath), bindingPath);
  return loadBound(path, dims(args), binding, bindingPath);
}

/** Imports a model for a binding that was read, from `where`. */
export function loadBound(path: string, sizes: Readonly<Record<string, number>>, binding: Binding, where?: string): LoadedModel {
  const bytes = readInput(path);
  const folder = path.replace(/[^/]*$/, '');
  // Weights lie beside the model or below it, never elsewhere.
  const externalData: ExternalData = (location) => (/(^|\/)\.\.(\/|$)|^\//.test(location) ? null : readInput(`${folder}${location}`));
  const model = importModel(bytes, {
    fileName: fileName(path),
    dims: sizes,
    externalData,
  });
  const fitted = checkAnyBinding(binding, model, where);
  return { bytes, file: fileName(path), externalData, model, binding, fitted };
}

/** Imports, calibrates and compiles as the model options say. */
export async function compileModel(path: string, args: Args): Promise<CompiledModel> {
  const auto = args.string('quant') === 'auto';
  const target = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    strategy: choice(args, 'strategy', STRATEGIES, 'auto'),
    quant: auto ? DEFAULT_PRECISION : quantOption(args),
    specialise: args.flag('specialise'),
    method: parseMethod(args.string('calibration') ?? 'minmax'),
    pictures: pictureScaling(args),
  };
  const search = { minAgreement: share(args, 'min-agreement', 0.999), cost: choice(args, 'cost', ['insns', 'bytes'] as const, 'insns') };
  return compileLoaded(loadModel(path, args), { ...target, ...(auto ? { search } : {}) }, args.string('calibrate'));
}

export type CompileTarget = Pick<CompileOptions, 'kernel' | 'strategy' | 'quant' | 'slots' | 'specialise'> & {
  readonly method: CalibrationMethod;
  /** How pictures of the trace become numbers. */
  readonly pictures?: PictureScaling;
  /** The precision is searched for. */
  readonly search?: { readonly minAgreement: number; readonly cost: SearchCost };
};

/** Calibrates a loaded model on `trace`, or on generated inputs, and compiles it. */
export async function compileLoaded(
  loaded: LoadedModel,
  { search, method, pictures: scaling, ...target }: CompileTarget,
  trace?: string,
): Promise<CompiledModel> {
  const { model, binding, fitted, bytes, file, externalData } = loaded;
  checkSize(model);
  const events = trace === undefined ? null : await readEvents(trace, loaded, { scaling });
  const samples = events
    ? await samplesOf(events, loaded)
    : ((fitted && generatedFeatures(fitted, model, GENERATED_SEED, GENERATED_SAMPLES)) ??
      generateInputs(model, GENERATED_SEED, GENERATED_SAMPLES, binding));
  if (samples.length === 0) throw new InputError('holds nothing that the model could be calibrated on', trace);
  const calibration: Calibration = await calibrate(bytes, samples, {
    source: events ? 'trace' : 'generated',
    method,
    fileName: file,
    externalData,
  });
  const options = { model, modelFile: file, calibration, families: await familiesFor(model), parts: await allParts(), ...target };
  const hook = hookOf(fitted);
  // Generated inputs are tensors, whatever the binding takes.
  const searched =
    search &&
    (await searchQuant(loaded, { ...options, hook: takesTrial(events) ? hook : tensorHook() }, await trialOf(events, samples), search));
  const chosen: CompileOptions = { ...options, hook, ...(searched ? { quant: searched.quant } : {}) };
  return { ...loaded, compiled: compile(chosen), options: chosen, events, searched: searched ?? null };
}

/** Whether precisions are tried on the events themselves rather than on what the model gets of them. */
const takesTrial = (events: Events | null): events is Exclude<Events, { kind: 'calls' }> => events !== null && events.kind !== 'calls';

/** What precisions are tried on, again and again: all of it is held. */
async function trialOf(events: Events | null, samples: readonly Tensors[]): Promise<TrialEvents> {
  if (!takesTrial(events)) return { kind: 'tensors', tensors: samples };
  return events.kind === 'packets' ? { kind: 'packets', ...(await events.first(events.count)) } : events;
}

/** What a trace holds: packets of a capture, or inputs of an array. */
export type Events =
  | PacketEvents
  | { readonly kind: 'tensors'; readonly tensors: readonly Tensors[] }
  | { readonly kind: 'calls'; readonly calls: readonly SystemCall[] };

/** Events of a trace. */
export const eventCount = (events: Events): number =>
  events.kind === 'packets' ? events.count : (events.kind === 'tensors' ? events.tensors : events.calls).length;

/** Reads a trace for a model, or (without a binding) for a program that takes packets: a capture, a file of tensors, or a folder of pictures. Throws {@link InputError} when the one does not go with the other. */
export async function readEvents(
  path: string,
  { model, binding }: { model: Pick<Model, 'inputs'>; binding: Binding | null },
  { scaling = NO_SCALING, filter }: { readonly scaling?: PictureScaling | undefined; readonly filter?: string | undefined } = {},
): Promise<Events> {
  if (binding?.input.kind === 'syscalls') return { kind: 'calls', calls: readCallFile(path) };
  const takesPackets = binding?.input.kind !== 'tensor';
  const folder = picturesIn(path);
  const captured = !folder && (await isCapture(path));
  // A capture may be larger than what fits into memory.
  const bytes = folder || captured ? new Uint8Array(0) : readInput(path);
  if (captured || (!folder && !isTensorFile(bytes, path))) {
    if (!takesPackets)
      throw new InputError(
        'not a file of tensors (.npy, .npz, .safetensors, .pb, .csv or .png), and only a model with a binding for packets takes a capture',
        path,
        'Give --binding, or an .npy file',
      );
    return PacketEvents.open(path, filter);
  }
  if (takesPackets)
    throw new InputError(
      `an array of tensors, but the ${binding ? 'binding' : 'program'} takes packets`,
      path,
      binding ? 'Give a capture, or leave out --binding' : 'Give a capture',
    );
  const arrays = folder
    ? pictures(
        folder.map((file) => readPng(readInput(file), file)),
        model.inputs,
        path,
        scaling,
      )
    : readTensors(bytes, path, model, scaling);
  return { kind: 'tensors', tensors: tensorInputs(model, arrays) };
}

/** System calls of strace's output, perf's or JSON; lines that are none are told on stderr. */
function readCallFile(path: string): readonly SystemCall[] {
  const { calls, left, format } = readCalls(readText(path), path);
  if (calls.length === 0) throw new InputError('the trace holds no system call', path);
  const others = Object.entries(left).map(([what, lines]) => `${what} ${lines}`);
  if (others.length > 0) tell(`bpformer: ${path} (${format}): lines that begin no call: ${others.join(', ')}`);
  return calls;
}

/** The model's inputs at the events of a trace. */
export async function samplesOf(events: Events, { model, fitted }: LoadedModel): Promise<readonly Tensors[]> {
  if (events.kind === 'tensors') return events.tensors;
  if (events.kind === 'calls') return callInputs(events.calls, fitted!, model);
  const inputsOf = packetInputsOf(fitted!, model);
  const samples: Tensors[] = [];
  for await (const { packets, times } of events.batches()) {
    for (const [at, packet] of packets.entries()) {
      const inputs = inputsOf(packet, times[at]);
      if (inputs) samples.push(inputs);
    }
  }
  return samples;
}
