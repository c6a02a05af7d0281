/**
 * Our verification time beside the kernel's own (`verification time`, log level 4), in one run: `npm run long verifier-speed [ENCODERS [SECONDS]]`.
 * `first` is our first verification of a program in this process, `warm` the best of several; the kernel's is its best of as many.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { verify } from '../src/verifier/verify.ts';
import { allPrograms, type NamedProgram, samplePrograms } from './verifier-programs.ts';

const RUNS = 3;
/** Programs below this are over before a clock can tell. */
const LEAST_PROCESSED = 1000;

interface Row {
  readonly name: string;
  readonly from: NamedProgram['from'];
  readonly processed: number;
  readonly same: boolean;
  readonly kernelMs: number;
  readonly firstMs: number;
  readonly warmMs: number;
}

const ratioOf = (rows: readonly Row[], ours: (row: Row) => number): Record<string, number> => {
  const sorted = rows.map((row) => ours(row) / row.kernelMs).sort((a, b) => a - b);
  const at = (share: number): number => Number(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(2));
  return { median: at(0.5), p90: at(0.9), worst: at(1) };
};

/** A run that ends early has then seen some of each kind. */
function interleaved(programs: readonly NamedProgram[]): NamedProgram[] {
  const kinds = (['compiler', 'clang'] as const).map((from) => programs.filter((program) => program.from === from));
  return Array.from({ length: programs.length }, (_, i) => kinds.flatMap((some) => some[i] ?? [])).flat();
}

/** One verification by a process that has done nothing else. */
function inNewProcess(name: string): { ms: number; maxRssMb: number } {
  const env = { ...process.env, BPFORMER_COLD: name };
  const self = fileURLToPath(import.meta.url);
  return JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', self], { env, encoding: 'utf8' })) as {
    ms: number;
    maxRssMb: number;
  };
}

if (process.env.BPFORMER_COLD) {
  const { program } = (await samplePrograms()).find(({ name }) => name === process.env.BPFORMER_COLD)!;
  const before = performance.now();
  verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
  console.log(JSON.stringify({ ms: Math.round(performance.now() - before), maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024) }));
}

export default async function measure([encoders = '100', seconds = '86400']: string[]): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const programs = interleaved(await allPrograms(Number(encoders)));
  const began = performance.now();
  const rows: Row[] = [];
  const unloadable: string[] = [];
  let left = programs.length;
  for (const { name, from, program } of programs) {
    if (performance.now() - began > Number(seconds) * 1000) break;
    left--;
    let kernelMs = Number.POSITIVE_INFINITY;
    let firstMs = 0;
    let warmMs = Number.POSITIVE_INFINITY;
    let processed = 0;
    let same = true;
    try {
      const btf = programBtf(program);
      for (let run = 0; run < RUNS; run++) {
        const theirs = await kernel.load(program, { btf });
        await theirs.program?.closeAll();
        kernelMs = Math.min(kernelMs, (theirs.verificationUsec ?? Number.NaN) / 1000);
        const before = performance.now();
        const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel.cpus });
        const ms = performance.now() - before;
        if (run === 0) firstMs = ms;
        warmMs = Math.min(warmMs, ms);
        ({ processed } = ours);
        same &&= ours.accepted === theirs.accepted && processed === theirs.processed && ours.peakStates === theirs.peakStates;
      }
      rows.push({ name, from, processed, same, kernelMs, firstMs, warmMs });
      const slow = warmMs / kernelMs > 3 ? ' SLOW' : '';
      if (!same || slow || left % 20 === 0) {
        console.error(
          `${name}: ${processed} processed, kernel ${kernelMs} ms, ours ${warmMs.toFixed(1)} ms${slow}${same ? '' : ' DIFFERS'}`,
        );
      }
    } catch (error) {
      unloadable.push(`${name}: ${String((error as Error).message).split('\n')[0]}`);
    }
  }
  kernel.close();
  const judged = rows.filter(({ processed }) => processed >= LEAST_PROCESSED && processed <= 1_000_000);
  const group = (some: readonly Row[]) =>
    some.length === 0
      ? { programs: 0 }
      : { programs: some.length, warm: ratioOf(some, (row) => row.warmMs), first: ratioOf(some, (row) => row.firstMs) };
  return {
    notRun: left,
    runs: RUNS,
    leastProcessed: LEAST_PROCESSED,
    ratioToKernel: {
      all: group(judged),
      compiler: group(judged.filter(({ from }) => from === 'compiler')),
      clang: group(judged.filter(({ from }) => from === 'clang')),
    },
    newProcess: { program: 'payload for 6.18', ...inNewProcess('payload for 6.18') },
    maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    different: rows.filter(({ same }) => !same).map(({ name }) => name),
    unloadable,
    largest: [...rows].sort((a, b) => b.processed - a.processed).slice(0, 5),
    slowest: [...judged].sort((a, b) => b.warmMs / b.kernelMs - a.warmMs / a.kernelMs).slice(0, 8),
    samples: rows.filter(({ name }) => /^(payload|motion)/.test(name)),
  };
}
