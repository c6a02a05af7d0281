import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import type { Calibration, Compiled, ProgramMeta } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkBinding } from '../../hooks/fit.ts';
import { tensorHook } from '../../hooks/tensor.ts';
import { xdpHook } from '../../hooks/xdp.ts';
import { readObject } from '../../object/reader.ts';
import { parseMeta } from '../../replay/runner.ts';
import type { ProgramSpec } from '../clients.ts';
import type { ProjectOptions } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { modelOf } from './models.ts';

type ModelSource = Extract<ProgramSpec['from'], { kind: 'model' }>;

/** Compiles a model for a binding, with the calibration that the page hands in. */
export function compileModel({ model: spec, calibration, binding }: ModelSource, options: ProjectOptions, context: CallContext): Compiled {
  const model = modelOf(spec.model, spec.dims);
  const fitted = checkBinding(binding as Binding, model);
  return compile({
    model,
    modelFile: spec.model.name,
    calibration: calibration as Calibration,
    hook: fitted ? xdpHook(fitted) : tensorHook(),
    kernel: options.kernel,
    strategy: options.strategy,
    quant: options.quant,
    progress: {
      report: (stage, done, total) => context.progress(stage, done, total),
      get cancelled() {
        return context.cancelled;
      },
    },
  });
}

/** The only program of an object, or its first; and what a compiler of ours wrote beside it. */
export function readObjectProgram(bytes: Uint8Array, file: string): { program: Program; meta: ProgramMeta | null } {
  const object = readObject(bytes, file);
  const [program] = object.programs;
  if (!program) throw new InputError('the object holds no program', file, 'Give a section such as SEC("xdp") a function');
  return { program, meta: parseMeta(object.meta, file, program) };
}
