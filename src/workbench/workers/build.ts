import type { Calibration, Compiled, CompileOptions } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import { familiesFor } from '../../compiler/families.ts';
import { partsFor } from '../../compiler/parts.ts';
import type { Binding } from '../../hooks/binding.ts';
import type { ProgramSpec } from '../clients.ts';
import type { ProjectOptions } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { fitted, hookFor } from './bound.ts';
import { modelOf } from './models.ts';

type ModelSource = Extract<ProgramSpec['from'], { kind: 'model' }>;

type BuildOptions = ProjectOptions & Pick<CompileOptions, 'slots' | 'onPass'>;

/** Compiles a model for a binding, with the calibration that the page hands in. */
export async function compileModel(source: ModelSource, options: BuildOptions, context: CallContext): Promise<Compiled> {
  return compile(await compileOptions(source, options, context));
}

export async function compileOptions(
  { model: spec, calibration, binding }: ModelSource,
  { kernel, strategy, quant, specialise, slots, onPass }: BuildOptions,
  context: CallContext,
): Promise<CompileOptions> {
  const model = await modelOf(spec.model, spec.dims);
  return {
    model,
    modelFile: spec.model.name,
    calibration: calibration as Calibration,
    hook: await hookFor(await fitted(binding as Binding, model)),
    kernel,
    strategy,
    quant,
    specialise,
    slots,
    onPass,
    families: await familiesFor(model),
    parts: await partsFor({ model, quant, specialise }),
    progress: {
      report: (stage, done, total) => context.progress(stage, done, total),
      get cancelled() {
        return context.cancelled;
      },
    },
  };
}
