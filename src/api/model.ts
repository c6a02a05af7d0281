// Objects of any kind are run here.
import '../vm/rare.ts';
import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import { bpftoolScript } from '../cli/export/bpftool.ts';
import { loaderSource } from '../cli/export/libbpf.ts';
import { cSource } from '../cli/export/source.ts';
import type { Calibration, FixedStrategy, NodeCost, ProgramMeta, Quant, Strategy } from '../compiler/api.ts';
import { parseMethod } from '../compiler/calibration-method.ts';
import { compile as compileModel } from '../compiler/compile.ts';
import { familiesFor } from '../compiler/families.ts';
import { allParts } from '../compiler/parts.ts';
import { DEFAULT_PRECISION } from '../compiler/precision.ts';
import { checkSize } from '../compiler/size.ts';
import { checkAnyBinding } from '../hooks/features/fit.ts';
import { parseAnyBinding } from '../hooks/features/parse.ts';
import type { FittedBinding } from '../hooks/fit.ts';
import { hookOf } from '../hooks/hook.ts';
import { TENSOR_BINDING } from '../hooks/tensor.ts';
import { readObject } from '../object/reader.ts';
import { writeObject } from '../object/writer.ts';
import { importModel } from '../onnx/import.ts';
import type { Model } from '../onnx/model.ts';
import { calibrate } from '../reference/calibrate.ts';
import { generateInputs } from '../reference/generate.ts';
import type { Tensors } from '../reference/reference.ts';
import { nodeCosts } from '../replay/costs.ts';
import { generatedFeatures, packetInputsOf } from '../replay/packet-inputs.ts';
import { ReferenceRunner } from '../replay/reference-runner.ts';
import { type ReplaySummary, replayPackets, replayTensors } from '../replay/replay.ts';
import { ModelRunner, type Outcome, parseMeta } from '../replay/runner.ts';
import type { KernelVersion, VerifyResult } from '../verifier/api.ts';
import { verify } from '../verifier/verify.ts';

/** Inputs generated where nothing is given to calibrate on. */
const GENERATED = { seed: 1, samples: 64 };

export interface CompileSettings {
  /** Named in messages and in the object. */
  readonly fileName?: string;
  /** Sizes of open dimensions: `{ batch: 1 }`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** A binding's document (docs/binding.md); without one the program takes tensors. */
  readonly binding?: unknown;
  /** What scales are chosen on: packets for a binding that takes them, tensors otherwise. Without it, inputs made at random. */
  readonly calibrate?: Events;
  /** `6.18` where nothing is said. */
  readonly kernel?: KernelVersion;
  readonly strategy?: Strategy;
  /** `w8a16` where nothing is said. */
  readonly quant?: Quant;
  /** Puts weights into the code: faster, and they can never be replaced. */
  readonly specialise?: boolean;
}

/** What a program is run on. */
export type Events =
  | { readonly packets: readonly Uint8Array[] /** When each came, ns; programs with flows need it. */; readonly times?: readonly number[] }
  | { readonly tensors: readonly Tensors[] };

/** A program that was compiled here, or read back from its object. */
export interface CompiledProgram {
  readonly program: Program;
  readonly meta: ProgramMeta;
  /** ELF that libbpf loads. */
  readonly object: Uint8Array;
}

export interface CompiledFromModel extends CompiledProgram {
  readonly strategy: FixedStrategy;
  readonly verdict: VerifyResult;
  readonly nodes: readonly NodeCost[];
  /** What {@link replay} compares it with. */
  readonly source: { readonly bytes: Uint8Array; readonly fileName: string; readonly model: Model; readonly fitted: FittedBinding | null };
}

function inputsOf(events: Events, model: Model, fitted: FittedBinding | null): readonly Tensors[] {
  if ('tensors' in events) return events.tensors;
  if (!fitted) throw new InputError('a model without a binding takes tensors, not packets', 'calibrate');
  const read = packetInputsOf(fitted, model);
  return events.packets.map((packet, i) => read(packet, events.times?.[i])).filter((inputs) => inputs !== null);
}

/**
 * Compiles an ONNX model into an eBPF program and asks our verifier about it. Throws {@link InputError} for a model, a binding or an option that cannot
 * be used, with the node or the field that is the reason.
 */
export async function compile(bytes: Uint8Array, settings: CompileSettings = {}): Promise<CompiledFromModel> {
  const fileName = settings.fileName ?? 'model.onnx';
  const binding = settings.binding === undefined ? TENSOR_BINDING : parseAnyBinding(settings.binding, 'binding');
  const model = importModel(bytes, { fileName, dims: settings.dims ?? {} });
  const fitted = checkAnyBinding(binding, model, 'binding');
  checkSize(model);
  const samples = settings.calibrate
    ? inputsOf(settings.calibrate, model, fitted)
    : ((fitted && generatedFeatures(fitted, model, GENERATED.seed, GENERATED.samples)) ??
      generateInputs(model, GENERATED.seed, GENERATED.samples, binding));
  if (samples.length === 0) throw new InputError('it holds nothing that the model could be calibrated on', 'calibrate');
  const calibration: Calibration = await calibrate(bytes, samples, {
    source: settings.calibrate ? 'trace' : 'generated',
    method: parseMethod('minmax'),
    fileName,
  });
  const { program, meta, nodes } = compileModel({
    model,
    modelFile: fileName,
    calibration,
    families: await familiesFor(model),
    parts: await allParts(),
    hook: hookOf(fitted),
    kernel: settings.kernel ?? '6.18',
    strategy: settings.strategy ?? 'auto',
    quant: settings.quant ?? DEFAULT_PRECISION,
    specialise: settings.specialise ?? false,
  });
  const verdict = verify(program, { kernel: meta.kernel, privilege: 'root', logLevel: 0 });
  return {
    program,
    meta,
    object: writeObject([program], { meta }),
    strategy: meta.strategy,
    verdict,
    nodes: nodeCosts(program, nodes, verdict.visits),
    source: { bytes, fileName, model, fitted },
  };
}

/** A program that {@link compile} or the command line wrote. Throws {@link InputError} for other objects: {@link readPrograms} reads those. */
export function open(object: Uint8Array, fileName = 'object.o'): CompiledProgram {
  const { programs, meta } = readObject(object, fileName);
  const [program] = programs;
  const found = program && parseMeta(meta, fileName, program);
  if (!found) throw new InputError('it has no .debug_bpformer section, so its inputs are unknown', fileName);
  return { program, meta: found, object };
}

/** One event through the program in our engine: a packet, or a tensor for each input. */
export function run(compiled: CompiledProgram, input: Uint8Array | Tensors, engine: 'wasm' | 'interp' = 'wasm'): Outcome {
  const runner = new ModelRunner(compiled.program, compiled.meta, engine);
  return input instanceof Uint8Array ? runner.runPacket(input) : runner.runTensors(input);
}

/** Events through the program, and beside it through ONNX Runtime where the model is at hand ({@link compile}'s result). */
export async function replay(compiled: CompiledProgram | CompiledFromModel, events: Events): Promise<ReplaySummary> {
  const runner = new ModelRunner(compiled.program, compiled.meta);
  const source = 'source' in compiled ? compiled.source : null;
  const reference = source
    ? await ReferenceRunner.open(
        source.bytes,
        { fileName: source.fileName },
        source.model,
        source.fitted,
        source.fitted ? packetInputsOf(source.fitted, source.model) : undefined,
      )
    : null;
  try {
    const beside = reference ? { reference } : {};
    return 'tensors' in events ? await replayTensors(events.tensors, runner, beside) : await replayPackets([events], runner, beside);
  } finally {
    await reference?.release();
  }
}

/** The program as something else: `libbpf`, a loader in C with the object inside; `bpftool`, a script that loads `objectFile`; `c`, the program in C. */
export function exportAs(
  { program, meta, object }: CompiledProgram,
  kind: 'libbpf' | 'bpftool' | 'c',
  objectFile = `${program.name}.o`,
): string {
  if (kind === 'libbpf') return loaderSource(program, meta, object);
  return kind === 'bpftool' ? bpftoolScript(program, meta, objectFile) : cSource(program, meta);
}
