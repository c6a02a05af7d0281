/**
 * Our verification time beside the kernel's own (`verification time`, log level 4), in one run: `npm run long verifier-speed [ENCODERS [SECONDS]]`.
 * Ours is the verifier as the page ships it. Both verify a program in turn, several times; `warm` is our best and `kernel` the kernel's best of as many, `first` is our first of a
 * program in this process. Times are those of the clock: other work on the machine slows both sides, and ours more, as it has threads that compile.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import type { Program } from '../src/bpf/program.ts';
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { verify } from '../src/verifier/verify.ts';
import { bundledVerify, bundleVerifier } from './verifier-bundle.ts';
import { allPrograms, type NamedProgram } from './verifier-programs.ts';

/** Each program is verified until it has had its time, but within these bounds. */
const LEAST_RUNS = 5;
const MOST_RUNS = 20;
const TIME_MS = 200;
/** Programs below this are over before a clock can tell; those above are no everyday programs. */
const LEAST_PROCESSED = 1000;
const MOST_PROCESSED = 500_000;
/** Explorations of about 500,000 instructions, each of which also runs in a process of its own. */
const EXPLORATIONS = /^scale (1 655 v4|2 220 v2) /;

interface Row {
  readonly name: string;
  readonly from: NamedProgram['from'];
  readonly processed: number;
  readonly runs: number;
  readonly same: boolean;
  readonly kernelMs: number;
  readonly firstMs: number;
  readonly warmMs: number;
}

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

const round = (x: number): number => Number(x.toFixed(2));

const ratioOf = (rows: readonly Row[], ours: (row: Row) => number): Record<string, number> => {
  const sorted = rows.map((row) => ours(row) / row.kernelMs).sort((a, b) => a - b);
  const at = (share: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return { median: at(0.5), p90: at(0.9), worst: at(1) };
};

/** A run that ends early has then seen some of each kind. */
function interleaved(programs: readonly NamedProgram[]): NamedProgram[] {
  const kinds = (['compiler', 'clang'] as const).map((from) => programs.filter((program) => program.from === from));
  return Array.from({ length: programs.length }, (_, i) => kinds.flatMap((some) => some[i] ?? [])).flat();
}

async function compare(kernel: Kernel, ours: typeof verify, { name, from, program }: NamedProgram): Promise<Row> {
  const btf = programBtf(program);
  const began = performance.now();
  let kernelMs = Number.POSITIVE_INFINITY;
  let firstMs = 0;
  let warmMs = Number.POSITIVE_INFINITY;
  let processed = 0;
  let same = true;
  let runs = 0;
  while (runs < LEAST_RUNS || (runs < MOST_RUNS && performance.now() - began < TIME_MS)) {
    const theirs = await kernel.load(program, { btf });
    await theirs.program?.closeAll();
    kernelMs = Math.min(kernelMs, (theirs.verificationUsec ?? Number.NaN) / 1000);
    const before = performance.now();
    const result = ours(program, { ...OPTIONS, cpus: kernel.cpus });
    const ms = performance.now() - before;
    if (runs === 0) firstMs = ms;
    warmMs = Math.min(warmMs, ms);
    ({ processed } = result);
    same &&= result.accepted === theirs.accepted && processed === theirs.processed && result.peakStates === theirs.peakStates;
    runs++;
  }
  return { name, from, processed, runs, same, kernelMs, firstMs, warmMs };
}

/** The program in a process that has done nothing else. */
function inNewProcess(program: Program, bundle: string): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-speed-'));
  try {
    const file = join(folder, 'program');
    writeFileSync(file, serialize(program));
    const script = fileURLToPath(new URL('verifier-one.ts', import.meta.url));
    return JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', script, file, bundle], { encoding: 'utf8' })) as Record<
      string,
      number
    >;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export default async function measure([encoders = '140', seconds = '86400']: string[]): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const bundle = await bundleVerifier();
  const ours = await bundledVerify(bundle);
  const programs = interleaved(await allPrograms(Number(encoders)));
  const loadBefore = loadavg()[0]!;
  const began = performance.now();
  const rows: Row[] = [];
  const alone: Record<string, Record<string, number>> = {};
  const unloadable: string[] = [];
  let left = programs.length;
  for (const named of programs) {
    if (performance.now() - began > Number(seconds) * 1000) break;
    left--;
    const { processed } = ours(named.program, { ...OPTIONS, cpus: kernel.cpus });
    const explores = EXPLORATIONS.test(named.name);
    if (!explores && (processed < LEAST_PROCESSED || processed > MOST_PROCESSED)) continue;
    try {
      const row = await compare(kernel, ours, named);
      rows.push(row);
      if (!row.same) console.error(`${row.name} DIFFERS`);
      if (left % 20 === 0) console.error(`${row.name}: ${row.processed} processed, ${round(row.warmMs / row.kernelMs)} × the kernel`);
      if (!explores && named.name !== 'payload for 6.18') continue;
      const child = inNewProcess(named.program, bundle);
      alone[named.name] = {
        ...child,
        kernelMs: row.kernelMs,
        ratio: round(child.warmMs! / row.kernelMs),
        firstRatio: round(child.firstMs! / row.kernelMs),
      };
    } catch (error) {
      unloadable.push(`${named.name}: ${String((error as Error).message).split('\n')[0]}`);
    }
  }
  kernel.close();
  const judged = rows.filter(({ processed }) => processed >= LEAST_PROCESSED && processed <= MOST_PROCESSED);
  const group = (some: readonly Row[]) =>
    some.length === 0
      ? { programs: 0 }
      : { programs: some.length, warm: ratioOf(some, (row) => row.warmMs), first: ratioOf(some, (row) => row.firstMs) };
  const sum = (of: (row: Row) => number): number => Math.round(judged.reduce((total, row) => total + of(row), 0));
  return {
    notRun: left,
    processedFrom: LEAST_PROCESSED,
    processedTo: MOST_PROCESSED,
    load: { before: round(loadBefore), after: round(loadavg()[0]!) },
    ratioToKernel: {
      all: group(judged),
      compiler: group(judged.filter(({ from }) => from === 'compiler')),
      clang: group(judged.filter(({ from }) => from === 'clang')),
    },
    total: {
      instructions: sum(({ processed }) => processed),
      kernelMs: sum(({ kernelMs }) => kernelMs),
      warmMs: sum(({ warmMs }) => warmMs),
    },
    inNewProcess: alone,
    different: rows.filter(({ same }) => !same).map(({ name }) => name),
    unloadable,
    slowest: [...judged].sort((a, b) => b.warmMs / b.kernelMs - a.warmMs / a.kernelMs).slice(0, 8),
    samples: rows.filter(({ name }) => /^(payload|motion)/.test(name)),
  };
}
