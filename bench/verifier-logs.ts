/**
 * Complete logs against this machine's kernel: `npm run long verifier-logs [ENCODERS]`. Every program of verifier-programs.ts at levels
 * 1 and 2 (and 4): verdict, counters and each line must be the kernel's, with addresses of maps by name and without times.
 */
import type { Program } from '../src/bpf/program.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { commonLine } from '../src/verifier/logfile/pair.ts';
import { verify } from '../src/verifier/verify.ts';
import { allPrograms } from './verifier-programs.ts';

/** A log as two machines write it alike. */
export const normalLog = (log: string): string => log.split('\n').map(commonLine).join('\n');

/** The kernel gets BTF that is written anew from the program, in which the entry takes its context whatever its source says. */
function withFitEntry(program: Program): Program {
  const [entry, ...rest] = program.subprogs;
  if (!entry?.unfit) return program;
  const { unfit: _, ...fit } = entry;
  return { ...program, subprogs: [fit, ...rest] };
}

/** More than this the kernel's log cannot be held in one string here; such programs are compared at level 4 only. */
const MOST_PROCESSED = 120_000;

export default async function measure([encoders = '10']: string[]): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const count = { programs: 0, identical: 0, logLines: 0 };
  const differences: string[] = [];
  const unloadable: string[] = [];
  for (const { name, program: read } of await allPrograms(Number(encoders))) {
    const program = withFitEntry(read);
    try {
      const btf = programBtf(program);
      const { processed } = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel.cpus });
      let same = true;
      for (const logLevel of processed > MOST_PROCESSED ? [4] : [4, 1, 2]) {
        const theirs = await kernel.load(program, { logLevel, btf, logSize: 512 << 20 });
        await theirs.program?.closeAll();
        const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel.cpus });
        const [a, b] = [normalLog(ours.log).split('\n'), normalLog(theirs.log).split('\n')];
        if (logLevel === 2) count.logLines += b.length;
        const at = a.findIndex((line, i) => line !== b[i]);
        if (ours.accepted === theirs.accepted && at < 0 && a.length === b.length) continue;
        same = false;
        differences.push(`${name} at level ${logLevel}, line ${at + 1}: ours ${a[at]} · kernel ${b[at]}`);
        console.error(differences.at(-1));
        break;
      }
      count.programs++;
      if (same) count.identical++;
    } catch (error) {
      unloadable.push(`${name}: ${String((error as Error).message).split('\n')[0]}`);
      console.error(unloadable.at(-1));
    }
  }
  kernel.close();
  return { ...count, differences, unloadable };
}
