/**
 * Every program of every BPF object below a folder, loaded into the running kernel with libbpf (native/objects-loader.c) and verified here:
 * how many agree, by folder, every difference, and why the rest never came to the kernel's verifier. Needs root, a C compiler and libbpf-dev; `BPFORMER_LIBBPF` may name a folder with another
 * libbpf (`bpf/libbpf.h`, `libbpf.a`), `BPFORMER_ANSWERS` one that keeps the kernel's answers. What may harm the kernel is not loaded.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../src/base/errors.ts';
import type { Program } from '../src/bpf/program.ts';
import { runningKernel } from '../src/companion/kernel-target.ts';
import { parseLogEnd } from '../src/companion/log-end.ts';
import { readObject } from '../src/object/reader.ts';
import type { VerifyResult } from '../src/verifier/api.ts';
import { verify } from '../src/verifier/verify.ts';
import { harmsKernel } from './fuzz/harmful.ts';

/** A line of the loader: a program, or why the object could not be opened. */
interface Answer {
  readonly name: string;
  readonly section: string;
  readonly err: number;
  /** libbpf's own words when it never asked the kernel. */
  readonly said: string;
  readonly log: string;
  readonly paths?: string;
  readonly open?: number;
}

/** Processor time, so that a busy machine leaves nothing out. */
const LONGEST_MS = 60_000;
/** libbpf writes its own words over these messages of the kernel (fixup_verifier_log). */
const REWRITTEN = /<invalid (CO-RE relocation|kfunc call|BPF map reference)>/;
const POISON = /^invalid func unknown#(195896080|200[12]\d{6})$/;

function buildLoader(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-objects-'));
  const loader = join(folder, 'loader');
  const lib = process.env.BPFORMER_LIBBPF;
  const flags = lib === undefined ? ['-lbpf'] : [`-I${lib}`, join(lib, 'libbpf.a'), '-lelf', '-lz'];
  execFileSync('cc', ['-O2', '-o', loader, join(import.meta.dirname, 'native/objects-loader.c'), ...flags], { stdio: 'inherit' });
  return loader;
}

function objectsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.o') && statSync(join(folder, file)).isFile())
    .sort();
}

function ask(loader: string, path: string, bytes: Uint8Array, never: readonly string[]): Answer[] {
  const kept = process.env.BPFORMER_ANSWERS;
  const cache = kept && join(kept, `${createHash('sha256').update(bytes).digest('hex')}.jsonl`);
  if (cache && !existsSync(cache)) mkdirSync(dirname(cache), { recursive: true });
  const known = cache && existsSync(cache) ? readFileSync(cache, 'utf8') : undefined;
  const text = known ?? spawnSync(loader, [path, ...never], { maxBuffer: 1 << 30, timeout: 300_000, encoding: 'utf8' }).stdout;
  if (cache && known === undefined) writeFileSync(cache, text);
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Answer);
}

const COUNTS = [
  'objects',
  'unreadable',
  'programs',
  'harmful',
  'notAsked',
  // Of those not asked: those that the reader calls unloadable.
  'refusedToo',
  'asked',
  'verdict',
  'wronglyAccepted',
  'wronglyRejected',
  'counters',
  'rejected',
  'message',
  'insn',
] as const;
type Counts = Record<(typeof COUNTS)[number], number>;
const noCounts = (): Counts => Object.fromEntries(COUNTS.map((name) => [name, 0])) as Counts;

interface Difference {
  readonly object: string;
  readonly program: string;
  readonly section: string;
  readonly what: string;
  readonly ours: string;
  readonly kernel: string;
}

/** Programs that never came to the verifier for one reason, and how many of them the reader calls unloadable. */
interface Reason {
  readonly programs: number;
  readonly told: number;
}

const kernel = runningKernel();

function verifyHere(program: Program): VerifyResult {
  const began = process.cpuUsage();
  const spentMs = (): number => process.cpuUsage(began).user / 1000;
  return verify(program, {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    kernelBtf: kernel.btf,
    kernelSymbols: kernel.symbols,
    onProgress: () => spentMs() > LONGEST_MS,
  });
}

/** libbpf's or the kernel's reason for not verifying at all, without names and numbers. */
const reasonOf = (answer: Answer): string =>
  (
    answer.said
      .trim()
      .split('\n')
      .find((line) => /failed to|not resolved|not found|bad map relo|missing|unsupported/.test(line)) ??
    answer.said.trim().split('\n')[0] ??
    ''
  )
    .replace(/^libbpf: /, '')
    .replace(/'[^']*'|"[^"]*"/g, '…')
    .replace(/\b(struct|extern|func ksym|var ksym) \S+/g, '$1 …')
    .replace(/\d+/g, 'N')
    .slice(0, 120);

function addReason(reasons: Map<string, Reason>, reason: string, told: boolean): void {
  const known = reasons.get(reason) ?? { programs: 0, told: 0 };
  reasons.set(reason, { programs: known.programs + 1, told: known.told + (told ? 1 : 0) });
}

/** What differs between an answer of the kernel and ours; counts it. */
function compare(
  answer: Answer,
  program: Program | undefined,
  counts: Counts,
  reasons: Map<string, Reason>,
): readonly [what: string, ours: string, kernel: string] | null {
  counts.programs++;
  const end = parseLogEnd(answer.log);
  const asked = end.processed !== null;
  if (!asked) counts.notAsked++;
  else counts.asked++;
  // The log of paths ends with the message; the counters' own may show a source line behind it.
  const paths = answer.paths === undefined ? end : parseLogEnd(answer.paths);
  const theirs = answer.err === 0 ? 'accepted' : asked ? (paths.message ?? '') : answer.said.trim().split('\n').at(-1)!;
  if (!program) return asked ? ['missing', 'no such program', theirs] : null;
  let result: VerifyResult;
  try {
    result = verifyHere(program);
  } catch (error) {
    return ['crash', String((error as Error).stack?.split('\n').slice(0, 3).join(' ')), theirs];
  }
  const ours = result.accepted ? 'accepted' : (result.message ?? '');
  if (!asked) {
    const told = program.unloadable !== undefined;
    if (told) counts.refusedToo++;
    addReason(reasons, reasonOf(answer), told);
    return null;
  }
  // A refusal after verification (no room for the program, no such attach point) is not the verifier's.
  const isAccepted = answer.err === 0 || (end.message === null && end.processed !== 0);
  if (result.accepted !== isAccepted) {
    counts[result.accepted ? 'wronglyAccepted' : 'wronglyRejected']++;
    return [result.accepted ? 'wrongly accepted' : 'wrongly rejected', ours, theirs];
  }
  counts.verdict++;
  const numbers = [result.processed, result.maxStatesPerInsn, result.totalStates, result.peakStates].join(' ');
  const wanted = [end.processed, end.maxStatesPerInsn, end.totalStates, end.peakStates].join(' ');
  const same = numbers === wanted && (!isAccepted || result.stackDepth === end.stackDepth);
  if (same) counts.counters++;
  if (isAccepted) return same ? null : ['counters', `${numbers} stack ${result.stackDepth}`, `${wanted} stack ${end.stackDepth}`];
  counts.rejected++;
  const rewritten = REWRITTEN.test(answer.paths ?? answer.log);
  const said = rewritten && POISON.test(ours) ? ours : theirs.trim();
  // libbpf strikes the instruction out with the message; other refusals come before any instruction.
  const named = /^infinite loop detected at insn (\d+)/m.exec(answer.paths ?? '');
  // The limit is met before the instruction is printed.
  const isTooLong = said.startsWith('BPF program is too large. Processed');
  const insn = named ? Number(named[1]) : rewritten || isTooLong || paths.insnIdx === null ? result.insnIdx : paths.insnIdx;
  if (ours === said) counts.message++;
  if (result.insnIdx === insn) counts.insn++;
  if (ours !== said) return ['message', ours, said];
  if (!same) return ['counters', numbers, wanted];
  return result.insnIdx === insn ? null : ['instruction', String(result.insnIdx), String(insn)];
}

/** Our reading of an object; an error says why there is none. */
function readHere(bytes: Uint8Array, file: string): readonly Program[] | Error {
  try {
    return readObject(bytes, basename(file), kernel).programs;
  } catch (error) {
    return error as Error;
  }
}

export function judgeObjects(folder: string, filter: string): object {
  const loader = buildLoader();
  const folders = new Map<string, Counts>();
  const differences: Difference[] = [];
  const reasons = new Map<string, Reason>();
  for (const file of objectsBelow(folder).filter((name) => name.includes(filter))) {
    const path = join(folder, file);
    const bytes = new Uint8Array(readFileSync(path));
    const where = dirname(file);
    const counts = folders.get(where) ?? noCounts();
    folders.set(where, counts);
    counts.objects++;
    const programs = readHere(bytes, file);
    const note = (answer: Pick<Answer, 'name' | 'section'>, what: string, ours: string, theirs: string): void => {
      differences.push({ object: file, program: answer.name, section: answer.section, what, ours, kernel: theirs });
      if (process.env.BPFORMER_VERBOSE) console.error(`${what}: ${file} ${answer.name} [${answer.section}]: ${ours} | ${theirs}`);
    };
    // What cannot be read cannot be searched for what harms the kernel either.
    if (programs instanceof Error) {
      counts.unreadable++;
      const [what, ours] = programs instanceof InputError ? ['unreadable', programs.message] : ['crash', String(programs.stack)];
      note({ name: '', section: '' }, what, ours, 'not asked');
      continue;
    }
    const harmful = programs.filter(harmsKernel).map(({ name }) => name);
    counts.harmful += harmful.length;
    const answers = ask(loader, path, bytes, harmful);
    if (answers[0]?.open !== undefined) {
      addReason(reasons, `object not opened: ${reasonOf(answers[0])}`, false);
      continue;
    }
    for (const answer of answers) {
      const found = compare(
        answer,
        programs.find(({ name }) => name === answer.name),
        counts,
        reasons,
      );
      if (found) note(answer, ...found);
    }
  }
  const total = noCounts();
  for (const counts of folders.values()) for (const name of COUNTS) total[name] += counts[name];
  const notComparable = Object.fromEntries([...reasons].sort(([, a], [, b]) => b.programs - a.programs));
  return { total, folders: Object.fromEntries(folders), notComparable, differences };
}
