import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Calibration } from '../../compiler/api.ts';
import { checkSize } from '../../compiler/size.ts';
import type { Binding } from '../../hooks/binding.ts';
import { VERDICT_ORDER } from '../../hooks/decide.ts';
import { checkBinding } from '../../hooks/fit.ts';
import type { Model } from '../../onnx/model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import { cutOf } from '../../reference/compare.ts';
import { generateInputs } from '../../reference/generate.ts';
import { configureOrt } from '../../reference/ort.ts';
import type { Tensors } from '../../reference/reference.ts';
import { packetInputs, tensorInputs } from '../../replay/inputs.ts';
import { ReferenceRunner } from '../../replay/reference-runner.ts';
import type { CalibrationSpec, ModelSpec, TraceSpec } from '../clients.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import { Batches, firstOutput } from './batches.ts';
import { bytesOf, hold } from './blobs.ts';
import { modelOf } from './models.ts';
import { compareValues, ownErrors, referenceValues } from './reference-values.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

configureOrt({ wasmPaths: { wasm: new URL(wasm, self.location.href).href, mjs: new URL(mjs, self.location.href).href } });

/** As the command line generates them, so that both compile the same program. */
const GENERATED_SAMPLES = 64;
const GENERATED_SEED = 1;

interface Bound {
  readonly model: ModelSpec;
  readonly binding: Binding;
}

let open: { readonly key: string; readonly runner: Promise<ReferenceRunner> } | null = null;

/** ONNX Runtime with the model in it; kept for as long as model and binding stay. */
function runnerOf({ model: spec, binding }: Bound): Promise<ReferenceRunner> {
  const key = JSON.stringify([spec.key, binding]);
  if (open?.key !== key) {
    void open?.runner.then((runner) => runner.release()).catch(() => {});
    const start = async (): Promise<ReferenceRunner> => {
      const model = await modelOf(spec.model, spec.dims);
      return ReferenceRunner.open(bytesOf(spec.model), { fileName: spec.model.name }, model, checkBinding(binding, model));
    };
    open = { key, runner: start() };
  }
  return open.runner;
}

/** Scores the events of a trace, from number `from` on. */
async function score(args: Bound & { readonly trace: TraceSpec; readonly from?: number }, context: CallContext): Promise<void> {
  const held = await heldTrace(args.trace.trace, context);
  const model = await modelOf(args.model.model, args.model.dims);
  const inputs = held.kind === 'tensors' ? tensorInputs(model, [{ tensor: held.tensor, where: held.where }]) : [];
  const total = held.count;
  context.progress('loading ONNX Runtime', 0, 0);
  const runner = await runnerOf(args);
  const { from = 0 } = args;
  const batches = new Batches(from, context, cutOf(model.nodes));
  let rested = performance.now();
  let done = from;
  const breathe = async (): Promise<void> => {
    done++;
    if (performance.now() - rested <= SLICE_MS) return;
    batches.sendWhenDue();
    context.progress('running ONNX Runtime', done - from, total - from);
    await rest();
    if (context.cancelled) throw new Cancelled();
    rested = performance.now();
  };
  if (held.kind === 'packets') {
    for await (const { frames } of held.packets.frames(from)) {
      for (const frame of frames) {
        const outcome = await runner.runPacket(frame);
        batches.add(outcome.score, verdictCode(outcome.verdict), firstOutput(outcome.outputs));
        await breathe();
      }
    }
  } else {
    for (const one of inputs.slice(from)) {
      batches.add(Number.NaN, null, firstOutput(await runner.runTensors(one)));
      await breathe();
    }
  }
  batches.send();
}

/** TAG lets the packet pass with its metadata. */
function verdictCode(verdict: (typeof VERDICT_ORDER)[number]): number {
  return VERDICT_ORDER.indexOf(verdict === 'TAG' ? 'PASS' : verdict);
}

async function scoreOne(args: Bound & { readonly bytes: Uint8Array }): Promise<{ score: number; verdict: number }> {
  const outcome = await (await runnerOf(args)).runPacket(args.bytes);
  return { score: outcome.score, verdict: verdictCode(outcome.verdict) };
}

async function calibration(args: Bound & { readonly calibration: CalibrationSpec }, context: CallContext): Promise<Calibration> {
  const { source } = args.calibration;
  const model = await modelOf(args.model.model, args.model.dims);
  checkSize(model);
  const samples =
    source.kind === 'generated' ? generateInputs(model, GENERATED_SEED, GENERATED_SAMPLES, args.binding) : await samplesOf(args, model);
  if (samples.length === 0) {
    throw new InputError('holds nothing that the model could be calibrated on', source.kind === 'generated' ? '' : source.blob.name);
  }
  context.progress('loading ONNX Runtime', 0, 0);
  return calibrate(bytesOf(args.model.model), samples, {
    source: source.kind === 'generated' ? 'generated' : 'trace',
    method: args.calibration.method,
    fileName: args.model.model.name,
    progress: {
      report: (stage, done, total) => {
        if (done % 16 === 0 || done === total) context.progress(stage, done, total);
      },
      get cancelled() {
        return context.cancelled;
      },
    },
  });
}

/** Ranges hardly move any more behind so many packets, and all of a large capture would not fit into memory. */
const MOST_SAMPLES = 65_536;

async function samplesOf(
  { calibration: { source }, binding }: Bound & { readonly calibration: CalibrationSpec },
  model: Model,
): Promise<readonly Tensors[]> {
  if (source.kind === 'generated') return [];
  const held = await heldTrace(source.blob);
  if (held.kind === 'tensors') return tensorInputs(model, [{ tensor: held.tensor, where: held.where }]);
  const fitted = checkBinding(binding, model);
  const input = fitted && model.inputs.find(({ name }) => name === fitted.inputName);
  if (!fitted || !input)
    throw new InputError('packets cannot calibrate a model that takes tensors', source.blob.name, 'Calibrate on an .npy file');
  const samples: Tensors[] = [];
  for await (const { frames } of held.packets.frames()) {
    for (const frame of frames) {
      if (samples.length === MOST_SAMPLES) return samples;
      const inputs = packetInputs(frame, fitted.binding, input);
      if (inputs) samples.push(inputs);
    }
  }
  return samples;
}

const handlers: Record<string, Handler> = { hold, score, scoreOne, calibrate: calibration, referenceValues, compareValues, ownErrors };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) =>
  method === 'calibrate' ? 'Calibrating' : 'Running ONNX Runtime',
);
