import { InputError } from '../../base/errors.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import type { VerifyOptions } from '../../verifier/api.ts';
import { type Explanation, explain } from '../../verifier/explain/explain.ts';
import { explanationText } from '../../verifier/explain/text.ts';
import { verify } from '../../verifier/verify.ts';
import { choice, KERNELS, onlyPositional, PRIVILEGES, parse } from '../args.ts';
import { print, printJson, readInput } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** `explain FILE.o|FILE.s`: why each rejected program is rejected, and edits that mend it. Status 1 when any is rejected. */
export const explainVerb: Verb = (argv) => {
  const args = parse(argv, { program: 'string', kernel: 'string', privilege: 'string', json: 'boolean' });
  const path = onlyPositional(args, 'one object or assembly file');
  const isObject = ELF_MAGIC.every((byte, i) => readInput(path)[i] === byte);
  if (!isObject && !/\.s$/i.test(path)) throw new InputError('verifier logs are not read yet; give the object (.o) or assembly (.s)', path);
  const file = readPrograms(path);
  const name = args.string('program');
  const programs = name === undefined ? file.programs : [pickProgram(file, name)];
  if (programs.length === 0) throw new InputError('it has no program', path);
  const options: VerifyOptions = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    privilege: choice(args, 'privilege', PRIVILEGES, 'root'),
    logLevel: 0,
  };
  const rows = programs.map((program) => {
    const result = verify(program, options);
    return { program, result, found: result.accepted ? null : explain(program, result, { verify: options }) };
  });
  if (args.flag('json')) {
    printJson({
      programs: rows.map(({ program, found }) => ({ name: program.name, accepted: found === null, explanation: found && row(found) })),
    });
  } else {
    for (const { program, found } of rows) {
      if (rows.length > 1) print(`== ${program.name}`);
      print(found ? explanationText(found) : 'accepted: there is nothing to explain\n');
    }
  }
  return rows.every(({ found }) => found === null) ? 0 : 1;
};

/** Without the whole edited programs: an edit is the instructions that it puts in. */
function row(found: Explanation): object {
  const fixes = found.fixes.map(({ title, size, insnIdx, edits }) => ({
    title,
    size,
    insn: insnIdx,
    edits: edits.map(({ changes }) =>
      changes.map(({ at, remove, insert }) => {
        const insns = insert.map(({ insn }) => insn);
        return {
          at,
          remove,
          insert: insert.map(({ target }, i) => ({ code: disasmKernel(insns, i), ...(target === undefined ? {} : { target }) })),
        };
      }),
    ),
  }));
  const { insnIdx, ...rest } = found;
  return { ...rest, insn: insnIdx, fixes };
}
