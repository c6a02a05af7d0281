import { InputError } from '../base/errors.ts';
import { assemblePrograms } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import { runningKernel } from '../companion/kernel-target.ts';
import type { Btf } from '../object/btf.ts';
import { readBtfFile } from '../object/btf-file.ts';
import { readObject } from '../object/reader.ts';
import { fileName, readInput, tell } from './io.ts';

export interface ProgramFile {
  readonly file: string;
  readonly programs: readonly Program[];
  /** Contents of `.debug_bpformer`, unchecked. */
  readonly meta: unknown;
}

/**
 * Programs of an object or an assembly file. Assembly with mistakes is an {@link InputError} that names the first one. CO-RE relocations are
 * resolved against the types in the file `btf`, else against those of the running kernel.
 */
export function readPrograms(path: string, btf?: string): ProgramFile {
  if (/\.s$/i.test(path)) {
    const { programs, diagnostics } = assemblePrograms(new TextDecoder().decode(readInput(path)));
    if (!programs) {
      const [first] = diagnostics;
      const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more mistakes)` : '';
      throw new InputError(`${first.message}${more}`, `${path}:${first.line}:${first.column}`);
    }
    return { file: path, programs, meta: undefined };
  }
  const target = btf === undefined ? runningKernel() : { ...runningKernel(), coreBtf: coreTypes(btf) };
  const object = readObject(readInput(path), fileName(path), target);
  for (const warning of object.warnings) tell(`${path}: ${warning}`);
  return { file: path, programs: object.programs, meta: object.meta };
}

/** Types of the file `path`, read at once so that its faults are told whatever the object asks for. */
function coreTypes(path: string): () => Btf {
  const types = readBtfFile(readInput(path), path);
  return () => types;
}

/** The program called `name`, or the only one. */
export function pickProgram(file: ProgramFile, name: string | undefined): Program {
  const names = file.programs.map((program) => program.name).join(', ');
  if (name !== undefined) {
    const found = file.programs.find((program) => program.name === name);
    if (!found) throw new InputError(`it has no program ${name}`, file.file, `It has ${names || 'none'}`);
    return found;
  }
  if (file.programs.length !== 1) {
    throw new InputError(
      `it has ${file.programs.length} programs`,
      file.file,
      file.programs.length > 0 ? `Choose with --program: ${names}` : '',
    );
  }
  return file.programs[0];
}
