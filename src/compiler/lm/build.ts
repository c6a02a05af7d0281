import type { Progress } from '../../base/progress.ts';
import { Cancelled } from '../../base/progress.ts';
import { randomOf } from '../../base/random.ts';
import type { Model } from '../../onnx/model.ts';
import type { Calibration, Compiled } from '../api.ts';
import { familiesFor } from '../families.ts';
import { type Decoder, productsOf } from './decoder.ts';
import { withoutEnding } from './ending.ts';
import { calibrateDecoder } from './float.ts';
import { compileDecoder, type DecoderOptions, readDecoder } from './program.ts';

export interface BuildDecoderOptions
  extends Pick<DecoderOptions, 'kernel' | 'strategy' | 'quant' | 'modelFile' | 'tokenizer' | 'hook' | 'scoreScale'> {
  readonly model: Model;
  /** Texts like those that it will read and write; null: it is calibrated on what it writes by itself. */
  readonly texts: readonly (readonly number[])[] | null;
  /** What {@link calibrateModel} gave. */
  readonly calibration?: Calibration;
  readonly progress?: Progress;
}

/** Multiplications that calibration may cost in all: some seconds of JavaScript. */
const CALIBRATION_PRODUCTS = 3e9;
const OWN_TEXTS = 6;
const OWN_TOKENS = 48;

/** Ranges of a model's values on its texts, or on what it writes by itself: the same for every precision. Throws {@link Cancelled} when asked to stop. */
export async function calibrateModel({
  model: whole,
  texts,
  progress,
}: Pick<BuildDecoderOptions, 'model' | 'texts' | 'progress'>): Promise<Calibration> {
  const { model } = withoutEnding(whole);
  return calibrationOf(readDecoder(model, await familiesFor(model)), texts, progress);
}

/** Derives, calibrates and compiles a text generating program. Throws {@link InputError}; {@link Cancelled} when asked to stop. */
export async function buildDecoder(options: BuildDecoderOptions): Promise<Compiled> {
  const { progress, texts } = options;
  const { model, ending } = withoutEnding(options.model);
  const decoder = readDecoder(model, await familiesFor(model), options.quant);
  const calibration = options.calibration ?? (await calibrationOf(decoder, texts, progress));
  progress?.report('generating code', 0, 1);
  return compileDecoder({ ...options, decoder, calibration, ending });
}

function calibrationOf(decoder: Decoder, texts: BuildDecoderOptions['texts'], progress?: Progress): Promise<Calibration> {
  const affordable = Math.max(8, Math.floor(CALIBRATION_PRODUCTS / (productsOf(decoder) + 1)));
  const random = randomOf(1);
  const own = (): number[][] => Array.from({ length: OWN_TEXTS }, (_, i) => [i === 0 ? 0 : Math.floor(random() * decoder.vocabulary)]);
  let left = affordable;
  const chosen = (texts ?? own()).flatMap((text) => {
    const taken = text.slice(0, Math.min(left, decoder.positions));
    left -= taken.length;
    return taken.length ? [taken] : [];
  });
  const more = texts ? 0 : Math.max(1, Math.min(OWN_TOKENS, Math.floor(left / chosen.length)));
  let rested = performance.now();
  return calibrateDecoder(decoder, chosen, more, texts ? 'trace' : 'generated', async (done, total) => {
    if (performance.now() - rested < 10) return;
    progress?.report('calibrating', done, total);
    await new Promise((resolve) => setTimeout(resolve, 0));
    rested = performance.now();
    if (progress?.cancelled) throw new Cancelled();
  });
}
