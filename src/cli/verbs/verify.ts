import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import { progTypeName } from '../../bpf/progtypes.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import { compareVersions, type Verified } from '../../verifier/against.ts';
import type { VerifyOptions, VerifyResult } from '../../verifier/api.ts';
import { type Case, caseProgram, parseCases } from '../../verifier/corpus.ts';
import { sourceOf } from '../../verifier/explain/explain.ts';
import { isChecked } from '../../verifier/rules.ts';
import { verify } from '../../verifier/verify.ts';
import { againstRow, againstText, oldPath } from '../against.ts';
import { choice, KERNELS, PRIVILEGES, parse } from '../args.ts';
import { annotation, changeAnnotation, placeOfSource } from '../github.ts';
import { print, printJson, readText, tell, within } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

/** `verify FILE…`, or `verify --cases CASES.jsonl`. Status 1 when any program is rejected; with cases 0, whatever the verdicts. */
export const verifyVerb: Verb = (argv) => {
  const args = parse(argv, {
    program: 'string',
    kernel: 'string',
    privilege: 'string',
    btf: 'string',
    'log-level': 'string',
    cases: 'string',
    against: 'string',
    format: 'string',
    json: 'boolean',
    jsonl: 'boolean',
  });
  const options: VerifyOptions = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    privilege: choice(args, 'privilege', PRIVILEGES, 'root'),
    logLevel: args.count('log-level', 1, 0),
    kernelBtf: runningKernel().btf,
    kernelSymbols: runningKernel().symbols,
  };
  if (options.logLevel > 7) throw new InputError('--log-level takes the kernel’s bits: 0, 1, 2, 4 or a sum of them', 'arguments');
  if (!isChecked(options.kernel))
    tell(`bpformer: the rules of ${options.kernel} come from its sources and documentation; they are not checked against a real kernel`);
  const cases = args.string('cases');
  if (cases !== undefined) {
    const parsed = within(cases, () => parseCases(readText(cases)));
    for (const [index, test] of parsed.entries()) printJson(caseRow(test, index, options));
    return 0;
  }
  if (args.positionals.length === 0) throw new InputError('takes object or assembly files, or --cases', 'arguments');
  const lines = args.flag('jsonl');
  const json = args.flag('json') || lines;
  const format = choice(args, 'format', ['log', 'github'] as const, 'log');
  const old = args.string('against');
  const quiet = json || format === 'github' || old !== undefined;
  const read = (path: string): Verified[] => {
    const file = readPrograms(path, args.string('btf'));
    const programs = args.string('program') === undefined ? file.programs : [pickProgram(file, args.string('program'))];
    if (programs.length === 0) throw new InputError('it has no program', path);
    return programs.map((program) => ({ program, result: verify(program, quiet ? { ...options, logLevel: 0 } : options) }));
  };
  const files = args.positionals.map((path) => ({ path, verified: read(path) }));
  const rows = files.flatMap(({ path, verified }) => verified.map((one) => ({ path, ...one })));
  const against =
    old === undefined
      ? []
      : files.map(({ path, verified }) => {
          const before = oldPath(old, path, files.length);
          return { path, changes: compareVersions(before === null ? [] : read(before), verified) };
        });
  if (lines) for (const { path, program, result } of rows) printJson(row(path, program, result));
  else if (json) {
    const told = { programs: rows.map(({ path, program, result }) => row(path, program, result)) };
    const changes = against.flatMap(({ path, changes }) => changes.map((change) => againstRow(path, change)));
    printJson(old === undefined ? told : { ...told, against: changes });
  } else if (format === 'github') {
    for (const { path, program, result } of rows) {
      if (result.accepted) continue;
      const at = placeOfSource(sourceOf(program, result.insnIdx), path);
      const where = result.insnIdx === null ? '' : ` (instruction ${result.insnIdx})`;
      print(annotation('error', at, `The verifier rejects ${program.name}`, `${result.message ?? ''}${where}`));
    }
    for (const { path, changes } of against)
      for (const change of changes) {
        const text = changeAnnotation(path, change);
        if (text !== null) print(text);
      }
  } else if (old !== undefined) for (const { path, changes } of against) print(againstText(path, changes));
  else {
    for (const { path, program, result } of rows) {
      if (rows.length > 1) print(`== ${path} ${program.name}`);
      // The kernel never sees it: its log has nothing to say.
      if (program.unloadable !== undefined) tell(`${path}: ${program.name} cannot be judged: ${program.unloadable}`);
      print(result.log);
    }
  }
  return rows.every(({ result }) => result.accepted) ? 0 : 1;
};

/** One line for one case, come what may: what is wrong with one case must not cost the others. */
function caseRow(test: Case, index: number, options: VerifyOptions): object {
  try {
    const { accepted, message, insnIdx, processed } = verify(caseProgram(test), { ...options, logLevel: 0 });
    return { accepted, message, insn: insnIdx, processed };
  } catch (error) {
    tell(`case ${index + 1}: not decided: ${String((error as Error).message).split('\n')[0]}`);
    return { accepted: null, message: null, insn: null, processed: null };
  }
}

function row(path: string, program: Program, result: VerifyResult): object {
  return {
    file: path,
    name: program.name,
    section: program.section,
    type: progTypeName(program.progType),
    accepted: result.accepted,
    message: result.message,
    insn: result.insnIdx,
    processed: result.processed,
    totalStates: result.totalStates,
    stackDepth: result.stackDepth,
  };
}
