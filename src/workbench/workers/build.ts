import type { Calibration, Compiled, CompileOptions } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import { familiesFor } from '../../compiler/families.ts';
import { partsFor } from '../../compiler/parts.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkBinding } from '../../hooks/fit.ts';
import { tensorHook } from '../../hooks/tensor.ts';
import { xdpHook } from '../../hooks/xdp.ts';
import type { ProgramSpec } from '../clients.ts';
import type { ProjectOptions } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { modelOf } from './models.ts';

type ModelSource = Extract<ProgramSpec['from'], { kind: 'model' }>;

/** Compiles a model for a binding, with the calibration that the page hands in. */
export async function compileModel(
  { model: spec, calibration, binding }: ModelSource,
  options: ProjectOptions & Pick<CompileOptions, 'slots'>,
  context: CallContext,
): Promise<Compiled> {
  const model = await modelOf(spec.model, spec.dims);
  const fitted = checkBinding(binding as Binding, model);
  return compile({
    model,
    modelFile: spec.model.name,
    calibration: calibration as Calibration,
    hook: fitted ? xdpHook(fitted) : tensorHook(),
    kernel: options.kernel,
    strategy: options.strategy,
    quant: options.quant,
    ...(options.slots ? { slots: options.slots } : {}),
    families: await familiesFor(model),
    parts: await partsFor(options),
    progress: {
      report: (stage, done, total) => context.progress(stage, done, total),
      get cancelled() {
        return context.cancelled;
      },
    },
  });
}
