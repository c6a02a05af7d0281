import { InputError } from '../base/errors.ts';
import { assemblePrograms } from '../bpf/asm.ts';
import { disassemble } from '../bpf/listing.ts';
import type { Program } from '../bpf/program.ts';
import { type CompileOptions, compileC as compileCSource } from '../clang/compile.ts';
import { readObject } from '../object/reader.ts';
import type { VerifyOptions, VerifyResult } from '../verifier/api.ts';
import { explain as explainResult } from '../verifier/explain/explain.ts';
import { explanationText } from '../verifier/explain/text.ts';
import { verify as verifyProgram } from '../verifier/verify.ts';
import { Vm, type VmOptions } from '../vm/core.ts';

/** All that may be said of how to verify; what is left out: Linux 6.18, root, no log. */
export type VerifySettings = Partial<VerifyOptions>;

const complete = (settings: VerifySettings): VerifyOptions => ({ kernel: '6.18', privilege: 'root', logLevel: 0, ...settings });

/** Programs of an ELF object, whoever compiled it. Throws {@link InputError} for bytes that are none. */
export const readPrograms = (object: Uint8Array, fileName = 'object.o'): readonly Program[] => readObject(object, fileName).programs;

/** Programs of assembly in the kernel's syntax or LLVM's. Throws {@link InputError} with line and column of the first mistake. */
export function assemble(text: string): readonly Program[] {
  const { programs, diagnostics } = assemblePrograms(text);
  if (programs) return programs;
  const [{ message, line, column }] = diagnostics;
  throw new InputError(message, `line ${line}:${column}`);
}

/** Programs of a C file; clang in WebAssembly is loaded at the first call. Throws {@link InputError} with the first error and its place. */
export async function compileC(source: string, options: CompileOptions = {}): Promise<readonly Program[]> {
  const { programs, diagnostics } = await compileCSource(source, options);
  const error = diagnostics.find(({ severity }) => severity === 'error');
  if (error) throw new InputError(error.message, `${error.file}:${error.line}:${error.column}`);
  return programs;
}

export const listing = (program: Program): string => disassemble(program);

/** The verdict: accepted or not, the kernel's message and instruction, processed instructions, the log. */
export const verify = (program: Program, settings: VerifySettings = {}): VerifyResult => verifyProgram(program, complete(settings));

/** Why a program is refused, as a story with changes that mend it; null when it is accepted. */
export function explain(program: Program, settings: VerifySettings = {}): string | null {
  const options = complete(settings);
  const result = verifyProgram(program, options);
  return result.accepted ? null : explanationText(explainResult(program, result, { verify: options }));
}

/** A machine with the program's maps, for programs of any kind: `machine.run({ packet })`, `machine.maps.get(name)`. */
export const machine = (program: Program, options: VmOptions = {}): Vm => new Vm(program, options);
