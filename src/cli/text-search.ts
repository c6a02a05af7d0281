import { InputError } from '../base/errors.ts';
import type { Compiled } from '../compiler/api.ts';
import { familiesFor } from '../compiler/families.ts';
import { calibrateModel } from '../compiler/lm/build.ts';
import { withoutEnding } from '../compiler/lm/ending.ts';
import { readDecoder } from '../compiler/lm/program.ts';
import { productName } from '../compiler/precision.ts';
import { type SearchCost, searchPrecision, type Trial } from '../compiler/precision-search.ts';
import { readWeightsHeader } from '../compiler/weights-map.ts';
import type { Model } from '../onnx/model.ts';
import { type Args, choice, share } from './args.ts';
import { compileDecoderModel, type DecoderTarget, targetOf, textsOf } from './decoder.ts';
import { tell } from './io.ts';
import { referenceScores, type TextAccuracy, textAccuracy } from './text-accuracy.ts';

export interface CompiledText {
  readonly compiled: Compiled;
  /** Null without `--calibrate`, and for models that ONNX Runtime's WebAssembly has no room for. */
  readonly accuracy: TextAccuracy | null;
  readonly search: { readonly met: boolean; readonly trials: readonly Trial[] } | null;
}

/** Compiles a text generating program, searches its precisions where `--quant auto` asks for that, and measures it on the texts of `--calibrate`. */
export async function compileText(path: string, args: Args, model: Model): Promise<CompiledText> {
  const target = targetOf(path, args);
  const texts = textsOf(args, target.tokenizer);
  const auto = args.string('quant') === 'auto';
  if (auto && !texts) throw new InputError('a search compares with ONNX Runtime on texts', '--quant auto', 'Give --calibrate TEXTS');
  const room = model.inputs[0]!.dims[1]!;
  const wanted = texts && (await referenceScores(path, model, texts, room));
  if (!auto) {
    const compiled = await compileDecoderModel(path, args, model, target);
    return { compiled, accuracy: wanted && (await textAccuracy(compiled, wanted, path)), search: null };
  }
  if (!wanted) throw new InputError('the model is too large to be compared with ONNX Runtime here', '--quant auto', 'Give a precision');
  const calibration = await calibrateModel({ model, texts });
  const build = (quant: DecoderTarget['quant']): Promise<Compiled> =>
    compileDecoderModel(path, args, model, { ...target, quant, calibration });
  const found = await searchPrecision({
    products: await productsOf(model),
    minAgreement: share(args, 'min-agreement', 0.999),
    cost: choice(args, 'cost', ['insns', 'bytes'] as const satisfies readonly SearchCost[], 'insns'),
    measure: async (quant) => {
      const compiled = await build(quant);
      const { argmaxAgreement, insns } = await textAccuracy(compiled, wanted, path);
      const bytes = readWeightsHeader(compiled.program.maps.find(({ data }) => data)!.data!)!.size;
      return { agreement: argmaxAgreement, insns, bytes };
    },
    report: ({ quant, agreement, insns, bytes, kept }) =>
      tell(
        `${kept ? 'kept ' : 'tried'} ${quant}: agreement ${(agreement * 100).toFixed(2)} %, ${insns} instructions a token, ${bytes} bytes`,
      ),
  });
  const compiled = await build(found.quant);
  return { compiled, accuracy: await textAccuracy(compiled, wanted, path), search: { met: found.met, trials: found.trials } };
}

/** Names of the matrices, the largest first. */
async function productsOf(whole: Model): Promise<string[]> {
  const { model } = withoutEnding(whole);
  const { items } = readDecoder(model, await familiesFor(model));
  const sizes = items.flatMap((item) =>
    item.kind === 'op' && item.op.kind === 'linear' ? [{ name: productName(item.op), size: item.op.weights.data.length }] : [],
  );
  return [...new Set(sizes.sort((a, b) => b.size - a.size).map(({ name }) => name))];
}
