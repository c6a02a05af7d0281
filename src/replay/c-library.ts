import type { Program } from '../bpf/program.ts';
import type { LinkInput } from '../clang/compile.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import { modelLibrary } from '../hooks/linkable.ts';
import { readObject } from '../object/reader.ts';
import { parseMeta } from './runner.ts';

/** What a program in C is linked with: objects, and headers by name that declare what is in them. */
export interface CLibrary {
  readonly headers: Readonly<Record<string, string>>;
  readonly link: readonly LinkInput[];
}

/** The header that goes with a file: `payload-ids.onnx` has `payload-ids.h`. */
export const headerNameOf = (file: string): string => `${file.replace(/\.\w+$/, '')}.h`;

/** A compiled model as functions that a program calls, with their header. */
export function modelCLibrary(file: string, program: Program, meta: ProgramMeta): CLibrary {
  const { header, forms } = modelLibrary(program, meta);
  return {
    headers: { [headerNameOf(file)]: header },
    link: forms.map(({ form, symbols, object }) => ({ name: `${file} (form ${form})`, bytes: object, symbols })),
  };
}

/** An object as it is, or, where it is a compiled model, its functions. `header` is what stands beside the object in a file of its name. */
export function objectCLibrary(file: string, bytes: Uint8Array, header?: string): CLibrary {
  const { programs, meta } = readObject(bytes, file);
  const [program] = programs;
  const model = programs.length === 1 && program!.section !== '.text' ? parseMeta(meta, file, program!) : null;
  if (model) return modelCLibrary(file, program!, model);
  return { headers: header === undefined ? {} : { [headerNameOf(file)]: header }, link: [{ name: file, bytes }] };
}
