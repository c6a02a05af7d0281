import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Calibration } from '../../compiler/api.ts';
import type { ModelTrial } from '../../course/grade-options.ts';
import { readTrialOptions } from '../../course/trial-options.ts';
import type { Binding } from '../../hooks/binding.ts';
import { configureOrt } from '../../reference/ort.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { ReferenceRunner } from '../../replay/reference-runner.ts';
import { replayPackets, replayTensors } from '../../replay/replay.ts';
import { ModelRunner } from '../../replay/runner.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { BlobRef, ProjectOptions } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { bytesOf, hold } from './blobs.ts';
import { fitted, inputsOfPackets } from './bound.ts';
import { compileModel } from './build.ts';
import { modelOf } from './models.ts';
import { heldTrace } from './traces.ts';

configureOrt({ wasmPaths: { wasm: new URL(wasm, self.location.href).href, mjs: new URL(mjs, self.location.href).href } });

/** Files of the samples that options can be tried on; the same ones as on the command line. */
const MODELS: Readonly<
  Record<string, { readonly folder: string; readonly model: string; readonly trace: string; readonly binding: string | null }>
> = {
  'payload-ids': { folder: 'payload', model: 'payload-ids.onnx', trace: 'calibration.pcap', binding: 'binding.json' },
  motion: { folder: 'motion', model: 'model.onnx', trace: 'calibration.npy', binding: null },
};
const TENSORS: Binding = { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } };
const PROCESSED_LIMIT = 1_000_000;

async function fetched(url: string, name: string): Promise<BlobRef> {
  const response = await fetch(url);
  if (!response.ok) throw new InputError(`the server answered ${response.status}`, url);
  const bytes = new Uint8Array(await response.arrayBuffer());
  hold({ hash: url, bytes });
  return { hash: url, name, size: bytes.length };
}

const parsed = (ref: BlobRef): unknown => JSON.parse(new TextDecoder().decode(bytesOf(ref)));

/** Compiles the model of a sample with the options of an answer, verifies it, and measures it on its calibration events beside ONNX Runtime. */
export async function tryModel(sample: string, options: unknown, kernel: string, base: string, context: CallContext): Promise<ModelTrial> {
  const files = Object.hasOwn(MODELS, sample) ? MODELS[sample] : undefined;
  if (!files) throw new InputError(`there is no sample ${sample} to try options on`, '', `There are ${Object.keys(MODELS).join(', ')}`);
  const { quant, strategy, specialise } = readTrialOptions(options);
  const at = (name: string) => fetched(`${base}samples/${files.folder}/${name}`, name);
  const [modelRef, calibrationRef, traceRef, bindingRef] = await Promise.all([
    at(files.model),
    at('calibration.json'),
    at(files.trace),
    files.binding ? at(files.binding) : null,
  ]);
  const dims = { batch: 1 };
  const binding = bindingRef ? (parsed(bindingRef) as Binding) : TENSORS;
  const { program, meta } = await compileModel(
    {
      kind: 'model',
      model: { key: modelRef.hash, model: modelRef, dims },
      calibration: parsed(calibrationRef) as Calibration,
      binding,
    },
    {
      kernel: kernel as KernelVersion,
      strategy: (strategy ?? 'auto') as ProjectOptions['strategy'],
      quant: (quant ?? 'w8a16') as ProjectOptions['quant'],
      dims,
      ...(specialise ? { specialise: true as const } : {}),
    },
    context,
  );
  const { accepted, message, processed } = verify(program, {
    kernel: meta.kernel,
    privilege: 'root',
    logLevel: 0,
    onProgress: (done) => {
      context.progress('verifying', done, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  if (context.cancelled) throw new Cancelled();
  const bytes = program.maps.find(({ section }) => section?.startsWith('.data.weights'))?.valueSize ?? 0;
  const figures = { accepted, message, insns: program.insns.length, processed, bytes };
  // What the verifier refuses may never end.
  if (!accepted) return { ...figures, agreement: null };
  const model = await modelOf(modelRef, dims);
  const fit = await fitted(binding, model);
  const reference = await ReferenceRunner.open(
    bytesOf(modelRef),
    { fileName: modelRef.name },
    model,
    fit,
    fit ? await inputsOfPackets(fit, model) : undefined,
  );
  const trace = await heldTrace(traceRef, context);
  const runner = new ModelRunner(program, meta);
  const onEvent = (index: number): void => {
    if (context.cancelled) throw new Cancelled();
    context.progress('running the calibration events', index + 1, trace.count);
  };
  const summary =
    trace.kind === 'packets'
      ? await replayPackets(trace.packets.timed(), runner, { reference, onEvent })
      : trace.kind === 'tensors'
        ? await replayTensors(tensorInputs(model, trace.arrays), runner, { reference, onEvent })
        : null;
  return { ...figures, agreement: summary?.comparison?.agreement ?? null };
}
