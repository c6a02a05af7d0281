import { InputError } from '../../base/errors.ts';
import { disassemble } from '../../bpf/listing.ts';
import { writeObject } from '../../object/writer.ts';
import { choice, onlyPositional, parse } from '../args.ts';
import { print, writeOutput } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

/** `asm FILE.s -o OUT.o` */
export const asmVerb: Verb = (argv) => {
  const args = parse(argv, { output: 'string' });
  const path = onlyPositional(args, 'one assembly file');
  const output = args.string('output');
  if (!output) throw new InputError('say where the object goes with -o OUT.o', 'arguments');
  if (!/\.s$/i.test(path)) throw new InputError('assembly files end in .s', path);
  writeOutput(output, writeObject(readPrograms(path).programs));
  return 0;
};

/** `disasm FILE.o`: text that `asm` takes back, every program of the object unless one is chosen. */
export const disasmVerb: Verb = (argv) => {
  const args = parse(argv, { syntax: 'string', program: 'string' });
  const file = readPrograms(onlyPositional(args, 'one object file'));
  const syntax = choice(args, 'syntax', ['kernel', 'llvm'] as const, 'kernel');
  const name = args.string('program');
  const programs = name === undefined ? file.programs : [pickProgram(file, name)];
  print(programs.map((program) => disassemble(program, { syntax })).join('\n'));
  return 0;
};
