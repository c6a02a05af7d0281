import { InputError } from '../../base/errors.ts';
import type { Calibration } from '../../compiler/api.ts';
import { checkSize } from '../../compiler/size.ts';
import type { Binding } from '../../hooks/binding.ts';
import { isFeatureInput } from '../../hooks/features/binding.ts';
import type { Model } from '../../onnx/model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import type { Tensors } from '../../reference/reference.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import type { CalibrationSpec, ModelSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import { bytesOf } from './blobs.ts';
import { fitted } from './bound.ts';
import { eventInputs } from './events.ts';
import { modelOf } from './models.ts';
import { heldTrace } from './traces.ts';

/** A model and what hands events to it. */
export interface Bound {
  readonly model: ModelSpec;
  readonly binding: Binding;
}

/** As the command line generates them, so that both compile the same program. */
const GENERATED_SAMPLES = 64;
const GENERATED_SEED = 1;

/** The ranges of a model's values over a trace, or over inputs that are made here. */
export async function calibration(args: Bound & { readonly calibration: CalibrationSpec }, context: CallContext): Promise<Calibration> {
  const { source } = args.calibration;
  const model = await modelOf(args.model.model, args.model.dims);
  checkSize(model);
  const samples = source.kind === 'generated' ? await generated(args.binding, model) : await samplesOf(args, model);
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

/** As the command line generates them. */
async function generated(binding: Binding, model: Model): Promise<readonly Tensors[]> {
  const fit = isFeatureInput(binding.input) ? await fitted(binding, model) : null;
  const { generatedFeatures } = fit ? await import('../../replay/packet-inputs.ts') : {};
  const features = fit && generatedFeatures!(fit, model, GENERATED_SEED, GENERATED_SAMPLES);
  if (features) return features;
  const { generateInputs } = await import('../../reference/generate.ts');
  return generateInputs(model, GENERATED_SEED, GENERATED_SAMPLES, binding);
}

/** Ranges hardly move any more behind so many packets, and all of a large capture would not fit into memory. */
const MOST_SAMPLES = 65_536;

async function samplesOf(
  { calibration: { source }, binding }: Bound & { readonly calibration: CalibrationSpec },
  model: Model,
): Promise<readonly Tensors[]> {
  if (source.kind === 'generated') return [];
  const held = await heldTrace(source.blob);
  if (held.kind === 'tensors') return tensorInputs(model, held.arrays);
  const fit = await fitted(binding, model);
  if (!fit) throw new InputError('packets cannot calibrate a model that takes tensors', source.blob.name, 'Calibrate on an .npy file');
  const samples: Tensors[] = [];
  for await (const some of (await eventInputs(held, fit, model)).from(0)) {
    for (const inputs of some) {
      if (samples.length === MOST_SAMPLES) return samples;
      if (inputs) samples.push(inputs);
    }
  }
  return samples;
}
