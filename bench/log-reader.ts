/**
 * The log reader against real logs: `BPFORMER_CORPUS=F npm run long log-reader [6.18,6.12,6.1]`. Every case of the corpus, the programs of the explanations' and random
 * tests, C that our own compiler compiled (the thirty mistakes, functions, the sample) and models compiled for each kernel are loaded at levels 1, 2 and 4, into this machine's
 * kernel and into older ones under QEMU (packages in `.cache/kernels`, fetched by `kernels`); our own verifier writes its logs, too. Counted: lines that are neither known nor part of a reason, and logs of which verdict, reason, instruction or counters are not read as the load said.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../src/bpf/program.ts';
import { compileC } from '../src/clang/compile.ts';
import { writtenSource } from '../src/clang/testing/generate.ts';
import { bootKernel } from '../src/companion/guest-kernel.ts';
import type { Kernel } from '../src/companion/kernel.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { parseLogEnd } from '../src/companion/log-end.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { CASES, programOf } from '../src/verifier/explain/testing/cases.ts';
import { LINE, lineText } from '../src/verifier/logfile/lines.ts';
import { programOfLog } from '../src/verifier/logfile/program.ts';
import { readLog } from '../src/verifier/logfile/reader.ts';
import { randomProgram } from '../src/verifier/testing/random-programs.ts';
import { verify } from '../src/verifier/verify.ts';
import { harmsKernel } from './fuzz/harmful.ts';
import { packageOf } from './kernels-answers.ts';
import { encoderPrograms, samplePrograms } from './verifier-programs.ts';

const LEVELS = [1, 2, 4];
const RANDOM = 100;
/** Longer logs are left out; an emulated kernel takes minutes for them. */
const MOST_PROCESSED = 30_000;
const MOST_EMULATED = 1_000;
/** Of compiled programs, of which there are few. */
const MOST_COMPILED = 60_000;
const MISTAKES = 30;

interface Input {
  readonly name: string;
  readonly program: Program;
}

function inputs(): Input[] {
  const folder = process.env.BPFORMER_CORPUS;
  const cases = folder ? parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8')) : [];
  return [
    ...cases.map((test) => ({ name: test.descr, program: caseProgram(test) })),
    ...CASES.map((test) => ({ name: test.name, program: programOf(test.text) })),
    ...Array.from({ length: RANDOM }, (_, seed) => ({ name: `random ${seed}`, program: randomProgram(seed) })),
  ];
}

const root = new URL('../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Programs of C by our own compiler: the mistakes that the explanations are tested with, functions, the sample. */
async function compiledC(): Promise<Input[]> {
  const mistakes = text('src/verifier/explain/testdata/mistakes.c');
  const functions = writtenSource(text('src/clang/testdata/functions.c')).source;
  const sources = [
    ...Array.from({ length: MISTAKES }, (_, at) => ({ name: `mistake ${at}`, source: `#define CASE ${at}\n${mistakes}` })),
    { name: 'functions', source: functions },
    { name: 'classifier', source: text('public/samples/c/classifier.c') },
  ];
  const made: Input[] = [];
  for (const { name, source } of sources) {
    const { programs } = await compileC(source, { cpu: 'v3' });
    made.push(...programs.map((program) => ({ name: `C ${name} ${program.name}`, program })));
  }
  return made;
}

async function models(version: KernelVersion): Promise<Input[]> {
  const made = [...(await samplePrograms([version])), ...encoderPrograms(4, 1, [version])];
  return made.map(({ name, program }) => ({ name, program }));
}

interface Tally {
  logs: number;
  lines: number;
  unknown: number;
  otherwise: number;
  notAsked: number;
  readonly examples: string[];
}

interface Truth {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly processed: number | null;
}

/** Reads a log and holds it against what the load said. */
function look(log: string, level: number, name: string, truth: Truth, tally: Tally): void {
  const { bytes, columns } = readLog(new TextEncoder().encode(log));
  tally.logs++;
  tally.lines += columns.lines;
  const complain = (what: string): void => {
    if (tally.examples.length < 20) tally.examples.push(`${name} at level ${level}: ${what}`);
  };
  const run = columns.runs[columns.run]!;
  const verdict = truth.accepted ? 'accepted' : 'rejected';
  const message = truth.message?.trim() ?? null;
  const sameReason =
    truth.accepted ||
    run.message === message ||
    (run.message !== null && message?.endsWith(` ${run.message}`)) ||
    /^old state:|^R\d/.test(message ?? '');
  if (columns.runs.length !== 1 || run.verdict !== verdict || !sameReason || run.counters.processed !== truth.processed) {
    tally.otherwise++;
    complain(`read as ${run.verdict}, ${run.message}, ${run.counters.processed}; said ${verdict}, ${message}, ${truth.processed}`);
  }
  for (let line = 0; line < columns.lines; line++) {
    const kind = columns.kind[line];
    if (kind !== LINE.message && kind !== LINE.loader) continue;
    // The reason is the block of words that ends with the message.
    const inReason =
      kind === LINE.message && line <= run.messageLine && line >= run.messageLine - 8 && !between(columns.kind, line, run.messageLine);
    if (inReason) continue;
    tally.unknown++;
    complain(`line ${line + 1}: ${lineText(bytes, columns, line)}`);
  }
  if (level === 2) programOfLog(bytes, columns);
}

/** Whether an instruction or a path stands between two lines. */
function between(kind: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (kind[at] === LINE.insn || kind[at] === LINE.path) return true;
  return false;
}

async function ofKernel(kernel: Kernel, programs: readonly Input[], tally: Tally): Promise<void> {
  for (const { name, program } of programs) {
    if (harmsKernel(program)) {
      tally.notAsked++;
      continue;
    }
    for (const logLevel of LEVELS) {
      try {
        // With lines, so that sources stand in the log.
        const btf = program.subprogs.length > 1 || program.lineInfo.length > 0 ? { btf: programBtf(program) } : {};
        const loaded = await kernel.load(program, { logLevel, logSize: 128 << 20, ...btf });
        await loaded.program?.closeAll();
        // What fails before the verifier begins leaves no log.
        if (loaded.log.trim() === '') tally.notAsked++;
        else look(loaded.log, logLevel, name, { ...parseLogEnd(loaded.log), accepted: loaded.accepted }, tally);
      } catch (error) {
        if (/kernel loader/.test((error as Error).message)) throw error;
        tally.notAsked++;
      }
    }
  }
}

export default async function measure([versions = '6.18,6.12,6.1']: string[]): Promise<unknown> {
  const compiled = await compiledC();
  const all = [...inputs(), ...compiled];
  const figures: Record<string, Tally> = {};
  const programs: Record<string, number> = {};
  const tallyOf = (name: string): Tally => {
    const tally: Tally = { logs: 0, lines: 0, unknown: 0, otherwise: 0, notAsked: 0, examples: [] };
    figures[name] = tally;
    return tally;
  };
  const own = tallyOf('our verifier');
  const short: Input[] = [];
  const brief: Input[] = [];
  for (const input of all) {
    for (const logLevel of LEVELS) {
      const result = verify(input.program, { kernel: '6.18', privilege: 'root', logLevel });
      look(result.log, logLevel, input.name, { accepted: result.accepted, message: result.message, processed: result.processed }, own);
      if (logLevel !== 4) continue;
      if (result.processed <= MOST_PROCESSED) short.push(input);
      if (result.processed <= (compiled.includes(input) ? MOST_PROCESSED : MOST_EMULATED)) brief.push(input);
    }
  }
  for (const version of versions.split(',') as KernelVersion[]) {
    const tally = tallyOf(version);
    const made = (await models(version)).filter(
      ({ program }) => verify(program, { kernel: version, privilege: 'root', logLevel: 0 }).processed <= MOST_COMPILED,
    );
    programs[version] = made.length;
    if (version === '6.18') {
      const kernel = await openKernel();
      if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
      await ofKernel(kernel, [...made, ...short], tally);
      kernel.close();
    } else {
      const { kernel, end } = await bootKernel(packageOf(version));
      await ofKernel(kernel, [...made, ...brief], tally);
      await end();
    }
  }
  return { programs: all.length, compiledC: compiled.length, models: programs, figures };
}
