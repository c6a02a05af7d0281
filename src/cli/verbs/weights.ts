import { InputError } from '../../base/errors.ts';
import type { Compiled } from '../../compiler/api.ts';
import { weightsFile, weightsTarget } from '../../compiler/weights-file.ts';
import { inspectModel } from '../../onnx/import.ts';
import { parseMeta } from '../../replay/runner.ts';
import { onlyPositional, parse } from '../args.ts';
import { compileForDecoder } from '../decoder.ts';
import { fileName, print, printJson, readInput, writeOutput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { compileLoaded, loadBound } from '../model.ts';
import { openObject } from '../object.ts';
import { pickProgram, readPrograms } from '../programs.ts';

/** `weights NEW.onnx --for OUT.o -o W.bin`: new weights for a program that is loaded. Status 2 when the architecture is another. */
export const weightsVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { for: 'string', output: 'string', calibrate: 'string', program: 'string', json: 'boolean' });
  const path = onlyPositional(args, 'one model');
  const [object, output] = [args.string('for'), args.string('output')];
  if (!object) throw new InputError('say for which object with --for OUT.o', 'arguments');
  if (!output) throw new InputError('say where the weights go with -o W.bin', 'arguments');
  const file = readPrograms(object);
  const program = pickProgram(file, args.string('program'));
  const meta = parseMeta(file.meta, object, program);
  if (!meta) throw new InputError('it has no .debug_bpformer section', object, 'Compile the model again');
  const target = weightsTarget({ meta, program }, object);
  if (meta.specialised)
    throw new InputError('it was compiled with --specialise: its weights stand in the code', object, 'Compile it without');
  const finish = (compiled: Compiled, parameters: number): ExitStatus => {
    const bytes = weightsFile(compiled, target, path);
    writeOutput(output, bytes);
    const result = { bytes: bytes.length, fingerprint: target.header.fingerprint, parameters };
    if (args.flag('json')) printJson(result);
    else print(`${output}: ${result.bytes} bytes for programs with the code of ${object} (${result.fingerprint})`);
    return 0;
  };
  if (meta.decoder) {
    const { compiled, model } = await compileForDecoder(path, args, meta);
    return finish(compiled, model.parameterCount);
  }
  const { binding } = openObject(object, args.string('program'));
  const loaded = loadBound(path, sizesFor(path, meta.inputs), binding, object);
  const { kernel, strategy, quant, inputs, outputs, calibration } = meta;
  const method = calibration.method ?? 'minmax';
  const built = await compileLoaded(loaded, { kernel, strategy, quant, method, slots: { inputs, outputs } }, args.string('calibrate'));
  return finish(built.compiled, loaded.model.parameterCount);
};

/** Sizes of the model's symbolic dimensions, by what the program was compiled for. */
function sizesFor(path: string, inputs: readonly { readonly dims: readonly number[] }[]): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const [i, { dims }] of inspectModel(readInput(path), fileName(path)).inputs.entries()) {
    for (const [axis, dim] of dims.entries()) {
      const size = inputs[i]?.dims[axis];
      if (typeof dim === 'string' && size !== undefined) sizes[dim] = size;
    }
  }
  return sizes;
}
