import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../base/errors.ts';
import type { ModelTrial } from '../course/grade-options.ts';
import { FIGURE_FILES, figuresIn } from '../course/sample-figures.ts';
import { readTrialOptions } from '../course/trial-options.ts';
import { ModelRunner } from '../replay/runner.ts';
import { verify } from '../verifier/verify.ts';
import { MODEL_OPTIONS, parse } from './args.ts';
import { compileDecoderModel, importDecoder } from './decoder.ts';
import { compileModel } from './model.ts';
import { replayBeside } from './replay.ts';

/** In the repository, or of the site in the installed package. */
const FOLDER = ['../../public/samples/', '../../dist/samples/']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync)!;

/** Files of the samples that options can be tried on. */
const MODELS: Readonly<Record<string, { readonly folder: string; readonly model: string; readonly arguments: readonly string[] }>> = {
  'payload-ids': {
    folder: 'payload',
    model: 'payload-ids.onnx',
    arguments: ['--binding', 'binding.json', '--calibrate', 'calibration.pcap', '--dim', 'batch=1'],
  },
  motion: { folder: 'motion', model: 'model.onnx', arguments: ['--calibrate', 'calibration.npy', '--dim', 'batch=1'] },
};

/** Compiles the model of a sample with the options of an answer, verifies it, and measures it on its calibration events. */
export async function tryModel(sample: string, options: unknown, kernel: string): Promise<ModelTrial> {
  const files = Object.hasOwn(MODELS, sample) ? MODELS[sample] : undefined;
  if (!files) throw new InputError(`there is no sample ${sample} to try options on`, '', `There are ${Object.keys(MODELS).join(', ')}`);
  const folder = join(FOLDER, files.folder);
  const { quant, strategy, specialise } = readTrialOptions(options);
  const argv = [
    ...files.arguments.map((one) => (one.endsWith('=1') || one.startsWith('--') ? one : join(folder, one))),
    '--kernel',
    kernel,
    ...(quant === undefined ? [] : ['--quant', quant]),
    ...(strategy === undefined ? [] : ['--strategy', strategy]),
    ...(specialise ? ['--specialise'] : []),
  ];
  const built = await compileModel(join(folder, files.model), parse(argv, MODEL_OPTIONS));
  const { program, meta } = built.compiled;
  const { accepted, message, processed } = verify(program, { kernel: meta.kernel, privilege: 'root', logLevel: 0 });
  const summary = built.events && (await replayBeside(built, built.events, new ModelRunner(program, meta)));
  const bytes = program.maps.find(({ section }) => section?.startsWith('.data.weights'))?.valueSize ?? 0;
  return { accepted, message, insns: program.insns.length, processed, bytes, agreement: summary?.comparison?.agreement ?? null };
}

/** Figures of a sample that its shipped results hold; null where there are none. */
export async function sampleFigures(sample: string): Promise<Readonly<Record<string, number | string>> | null> {
  if (!Object.hasOwn(FIGURE_FILES, sample)) return null;
  return figuresIn(JSON.parse(readFileSync(join(FOLDER, FIGURE_FILES[sample]), 'utf8')));
}

/** What lessons say of the language model *stories*, from its compiled program: `stories/figures.json`. */
export async function decoderFigures(): Promise<Readonly<Record<string, number | string>>> {
  const path = join(FOLDER, 'stories/stories.onnx');
  const model = importDecoder(path, parse([], MODEL_OPTIONS));
  const { program, meta } = await compileDecoderModel(path, parse([], MODEL_OPTIONS), model);
  const { processed, stackDepth } = verify(program, { kernel: meta.kernel, privilege: 'root', logLevel: 0 });
  const bytesIn = (map: string): number => program.maps.find(({ name }) => name === map)!.valueSize;
  const lastDim = (value: string): number => model.values.get(value)!.dims.at(-1)!;
  const attentions = model.nodes.filter(({ op }) => op === 'Softmax');
  const width = lastDim(model.nodes.find(({ op }) => op === 'Gather')!.outputs[0]);
  const heads = model.values.get(attentions[0].outputs[0])!.dims.at(-3)!;
  const { positions } = meta.decoder!;
  const position = bytesIn('cache') / positions;
  const numberBytes = 2;
  return {
    parameters: model.parameterCount,
    layers: attentions.length,
    width,
    heads,
    headWidth: width / heads,
    // Of each layer a key and a value.
    keyHeads: position / (2 * attentions.length * numberBytes) / (width / heads),
    vocabulary: meta.decoder!.vocabulary,
    positions,
    cache: bytesIn('cache'),
    position,
    scores: bytesIn('scores'),
    insns: program.insns.length,
    processed,
    stack: Math.max(...stackDepth.split('+').map(Number)),
  };
}
