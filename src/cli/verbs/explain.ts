import { InputError } from '../../base/errors.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import type { VerifyOptions } from '../../verifier/api.ts';
import { explain } from '../../verifier/explain/explain.ts';
import { explanationText } from '../../verifier/explain/text.ts';
import { verify } from '../../verifier/verify.ts';
import { choice, KERNELS, onlyPositional, PRIVILEGES, parse } from '../args.ts';
import { explainLog } from '../explain-log.ts';
import { explanationRow } from '../explanation-row.ts';
import { print, printJson, readUnzipped } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/**
 * `explain FILE.o|FILE.s|LOG`: why each rejected program is rejected, and edits that mend it; of a log, what it tells, and with the program beside it where our
 * verifier parts from it. Status 1 when any is rejected.
 */
export const explainVerb: Verb = (argv) => {
  const args = parse(argv, { program: 'string', kernel: 'string', privilege: 'string', btf: 'string', with: 'string', json: 'boolean' });
  const path = onlyPositional(args, 'one object or assembly file');
  const input = readUnzipped(path);
  const options: VerifyOptions = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    privilege: choice(args, 'privilege', PRIVILEGES, 'root'),
    logLevel: 0,
    kernelBtf: runningKernel().btf,
    kernelSymbols: runningKernel().symbols,
  };
  const name = args.string('program');
  const beside = args.string('with');
  const isObject = ELF_MAGIC.every((byte, i) => input[i] === byte);
  if (!isObject && !/\.s$/i.test(path)) {
    const programs = beside === undefined ? [] : readPrograms(beside, args.string('btf')).programs;
    return explainLog(input, path, { json: args.flag('json'), programs, name, options, beside: beside ?? '' });
  }
  if (beside !== undefined) throw new InputError('--with names the program of a log, and this is no log', path);
  const file = readPrograms(path, args.string('btf'));
  const programs = name === undefined ? file.programs : [pickProgram(file, name)];
  if (programs.length === 0) throw new InputError('it has no program', path);
  const rows = programs.map((program) => {
    const result = verify(program, options);
    return { program, result, found: result.accepted ? null : explain(program, result, { verify: options }) };
  });
  if (args.flag('json')) {
    printJson({
      programs: rows.map(({ program, found }) => ({
        name: program.name,
        accepted: found === null,
        explanation: found && explanationRow(found),
      })),
    });
  } else {
    for (const { program, found } of rows) {
      if (rows.length > 1) print(`== ${program.name}`);
      print(found ? explanationText(found) : 'accepted: there is nothing to explain\n');
    }
  }
  return rows.every(({ found }) => found === null) ? 0 : 1;
};
