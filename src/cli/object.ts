import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import type { Binding } from '../hooks/binding.ts';
import { parseAnyBinding } from '../hooks/features/parse.ts';
import type { ValueInfo } from '../onnx/model.ts';
import { parseMeta } from '../replay/runner.ts';
import { pickProgram, readPrograms } from './programs.ts';

/** A compiled model read back from its object: enough to run it, without the ONNX file. */
export interface OpenedObject {
  readonly compiled: { readonly program: Program; readonly meta: ProgramMeta };
  readonly binding: Binding;
  readonly model: { readonly inputs: readonly ValueInfo[] };
}

/** A program that BPFormer wrote, of whatever kind. Throws {@link InputError} for an object without `.debug_bpformer`. */
export function openProgram(path: string, name: string | undefined): OpenedObject['compiled'] {
  const file = readPrograms(path);
  const program = pickProgram(file, name);
  const meta = parseMeta(file.meta, path, program);
  if (!meta) throw new InputError('it has no .debug_bpformer section, so its inputs are unknown', path, 'Run it with --packet');
  return { program, meta };
}

/** Opens an object that BPFormer wrote and that takes tensors or packets. Throws {@link InputError} for others. */
export function openObject(path: string, name: string | undefined): OpenedObject {
  const { program, meta } = openProgram(path, name);
  if (meta.decoder)
    throw new InputError('it generates text and takes no trace', path, 'Use generate, or run with --input and rows of tokens');
  const binding = parseAnyBinding(meta.binding, path);
  const inputs = meta.inputs.map(
    ({ name: input, dims, elem }): ValueInfo => ({ name: input, dims, dtype: elem === 'u16' ? 'int64' : 'float32' }),
  );
  return { compiled: { program, meta }, binding, model: { inputs } };
}
