import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import { progTypeName } from '../../bpf/progtypes.ts';
import { type Cpu, compileC, type FileTree } from '../../clang/compile.ts';
import { formatDiagnostic } from '../../clang/diagnostics.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import { headerNameOf, objectCLibrary } from '../../replay/c-library.ts';
import { verify } from '../../verifier/verify.ts';
import { choice, KERNELS, onlyPositional, PRIVILEGES, parse } from '../args.ts';
import { print, printJson, readInput, readText, tell, userPath, writeOutput } from '../io.ts';
import type { ExitStatus } from '../main.ts';

const CPUS: readonly Cpu[] = ['v1', 'v2', 'v3', 'v4'];
const LEVELS = ['0', '1', '2', '3', 's'] as const;
const MAX_HEADER_BYTES = 64 << 20;

/** Headers in a folder and those below it, which clang in WebAssembly gets in its own file system. */
function headersIn(folder: string): FileTree {
  let bytes = 0;
  const read = (path: string, depth: number): FileTree => {
    const tree: Record<string, FileTree | string> = {};
    for (const name of readdirSync(path)) {
      const inner = join(path, name);
      const stat = statSync(inner, { throwIfNoEntry: false });
      if (!stat || name.startsWith('.') || name === 'node_modules') continue;
      if (stat.isDirectory() && depth < 8) tree[name] = read(inner, depth + 1);
      else if (stat.isFile() && /\.(h|inc|c)$/.test(name)) {
        bytes += stat.size;
        if (bytes > MAX_HEADER_BYTES)
          throw new InputError(`headers of more than ${MAX_HEADER_BYTES >> 20} MB`, folder, 'Name a smaller folder');
        tree[name] = readFileSync(inner, 'utf8');
      }
    }
    return tree;
  };
  try {
    return read(userPath(folder), 0);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot be read (${(error as NodeJS.ErrnoException).code})`, folder);
  }
}

/** Headers right beside the source, which `#include "…"` finds first. */
function besides(path: string): Readonly<Record<string, string>> {
  const folder = dirname(userPath(path));
  const names = readdirSync(folder).filter(
    (name) => name.endsWith('.h') && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
  );
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** clang's short options as the command line's parser knows them: `-mcpu=v3`, `-Idir`, `-DX=1`, `-O2`. */
function longOptions(argv: readonly string[]): string[] {
  return argv.flatMap((arg, at) => {
    const previous = argv[at - 1];
    if (previous === '-o' || previous === '--output') return [arg];
    const cpu = /^-mcpu(=(.*))?$/.exec(arg);
    if (cpu) return cpu[1] ? [`--mcpu=${cpu[2]}`] : ['--mcpu'];
    const short = /^-([IDO])(.*)$/.exec(arg);
    if (!short) return [arg];
    const name = { I: '--include', D: '--define', O: '--optimize' }[short[1] as 'I' | 'D' | 'O'];
    return short[2] === '' ? [name] : [`${name}=${short[2]}`];
  });
}

/** `compile FILE.c -o OUT.o`. clang's messages go to stderr; with an error the last line says which, and the status is 2. */
export async function compileCVerb(argv: readonly string[]): Promise<ExitStatus> {
  const args = parse(longOptions(argv), {
    output: 'string',
    mcpu: 'string',
    optimize: 'string',
    include: 'list',
    define: 'list',
    link: 'list',
    kernel: 'string',
    privilege: 'string',
    json: 'boolean',
  });
  const path = onlyPositional(args, 'one source');
  const output = args.string('output');
  if (!output) throw new InputError('say where the object goes with -o OUT.o', 'arguments');
  const cpu = choice(args, 'mcpu', CPUS, 'v3');
  const optimize = choice(args, 'optimize', LEVELS, '2');
  const kernel = choice(args, 'kernel', KERNELS, '6.18');
  const privilege = choice(args, 'privilege', PRIVILEGES, 'root');
  const target = runningKernel();
  const libraries = args
    .list('link')
    .map((file) => objectCLibrary(basename(file), readInput(file), besides(file)[headerNameOf(basename(file))]));
  const result = await compileC(readText(path), {
    fileName: basename(path),
    cpu,
    optimize,
    defines: args.list('define'),
    files: { ...Object.assign({}, ...libraries.map(({ headers }) => headers)), ...besides(path) },
    link: libraries.flatMap(({ link }) => link),
    include: args.list('include').map(headersIn),
    target,
  });
  const errors = result.diagnostics.filter(({ severity }) => severity === 'error');
  for (const diagnostic of result.diagnostics) if (diagnostic !== errors[0] || result.object) tell(formatDiagnostic(diagnostic));
  if (!result.object) {
    const [first] = errors;
    const place = first!.line > 0 ? `${first!.file}:${first!.line}:${first!.column}` : basename(path);
    throw new InputError(first!.message + (errors.length > 1 ? ` (and ${errors.length - 1} more errors)` : ''), place);
  }
  writeOutput(output, result.object);
  const programs = result.programs.map((program) => {
    const { accepted, message, insnIdx, processed, totalStates, stackDepth } = verify(program, { kernel, privilege, logLevel: 0 });
    const { name, section } = program;
    const counts = { insns: program.insns.length, accepted, message, insn: insnIdx, processed, totalStates, stackDepth };
    return { name, section, type: progTypeName(program.progType), ...counts };
  });
  const maps = result.programs[0]?.maps ?? [];
  if (args.flag('json')) {
    printJson({
      file: output,
      programs,
      maps: maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({ name, type, keySize, valueSize, entries: maxEntries })),
      diagnostics: result.diagnostics,
    });
  } else {
    for (const { name, insns, accepted, processed, insn, message } of programs)
      print(`${output}: ${name}: ${insns} instructions, ${accepted ? `accepted after ${processed}` : `rejected at ${insn}: ${message}`}`);
  }
  return programs.every(({ accepted }) => accepted) ? 0 : 1;
}
