import { disassemble } from '../../bpf/listing.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import type { VerifyOptions } from '../../verifier/api.ts';
import { reduce } from '../../verifier/reduce/reduce.ts';
import { choice, KERNELS, onlyPositional, PRIVILEGES, parse } from '../args.ts';
import { print, printJson, tell, within, writeOutput } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

/** `reduce FILE`: the smallest program found that is refused with the same message, as assembly. An accepted program is unusable input. */
export const reduceVerb: Verb = (argv) => {
  const args = parse(argv, {
    program: 'string',
    kernel: 'string',
    privilege: 'string',
    btf: 'string',
    tries: 'string',
    output: 'string',
    json: 'boolean',
  });
  const path = onlyPositional(args, 'one object or assembly file');
  const program = pickProgram(readPrograms(path, args.string('btf')), args.string('program'));
  const verify: VerifyOptions = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    privilege: choice(args, 'privilege', PRIVILEGES, 'root'),
    logLevel: 0,
    kernelBtf: runningKernel().btf,
    kernelSymbols: runningKernel().symbols,
  };
  const found = within(path, () => reduce(program, { verify, tries: args.count('tries', 3000) }));
  const text = disassemble(found.program, { labels: true });
  const output = args.string('output');
  if (output) writeOutput(output, text);
  const { message, insnIdx, tries, minimal } = found;
  const [from, to] = [program.insns.length, found.program.insns.length];
  tell(
    `${path}: ${from} instructions became ${to} in ${tries} verifications${minimal ? '' : '; stopped before none could be spared (--tries)'}: ${message}`,
  );
  if (args.flag('json')) printJson({ name: program.name, message, insn: insnIdx, insns: to, was: from, tries, minimal, text });
  else if (!output) print(text);
  return 0;
};
