/**
 * What recording an exploration costs beside the verification alone: `npm run long query`. Both run in turn in one process; time as a ratio,
 * memory in bytes an instruction processed, for the samples and for loops of up to a million instructions.
 */
import { assemble } from '../src/bpf/asm.ts';
import type { Program } from '../src/bpf/program.ts';
import { Query } from '../src/verifier/query/query.ts';
import { record } from '../src/verifier/query/recorder.ts';
import { verify } from '../src/verifier/verify.ts';
import { samplePrograms } from './verifier-programs.ts';

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;
const TIMES = 3;

const LOOPS: Readonly<Record<string, string>> = {
  'one path of 990,000': '.section xdp\nr6 = 0\nr7 = 0\nagain: r7 += r6\nr6 += 1\nif r6 < 330000 goto again\nr0 = 0\nexit',
  'a program beyond the limit': '.section xdp\nr6 = 0\nagain: r6 += 1\nr7 = r6\nif r6 < 900000 goto again\nr0 = 0\nexit',
};

function timed<T>(run: () => T): { readonly ms: number; readonly value: T } {
  const began = performance.now();
  const value = run();
  return { ms: performance.now() - began, value };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

export default async function measure(): Promise<unknown> {
  const programs: { readonly name: string; readonly program: Program }[] = [...(await samplePrograms(['6.18']))];
  for (const [name, text] of Object.entries(LOOPS)) programs.push({ name, program: assemble(text).program! });
  const measured = programs.map(({ name, program }) => {
    let alone = Number.POSITIVE_INFINITY;
    let recorded = Number.POSITIVE_INFINITY;
    let opened = Number.POSITIVE_INFINITY;
    let query: Query | null = null;
    for (let i = 0; i < TIMES; i++) {
      alone = Math.min(alone, timed(() => verify(program, OPTIONS)).ms);
      const { ms, value } = timed(() => record(program, OPTIONS));
      recorded = Math.min(recorded, ms);
      const open = timed(() => new Query(value));
      opened = Math.min(opened, open.ms + timed(() => open.value.outline.count).ms);
      query = open.value;
    }
    const { recording, paths } = query!;
    return {
      name,
      processed: recording.steps,
      paths: paths.roots.reduce((sum, root) => sum + paths.ends(root), 0),
      recordingToVerification: rounded(recorded / alone),
      treeToVerification: rounded(opened / alone),
      bytes: recording.bytes,
      bytesPerInstruction: rounded(recording.bytes / recording.steps),
      statesHeld: recording.statesTo - recording.statesFrom,
    };
  });
  const large = measured.filter(({ processed }) => processed >= 10_000);
  const ratios = large.map(({ recordingToVerification }) => recordingToVerification).sort((a, b) => a - b);
  return { median: ratios[ratios.length >> 1], worst: ratios.at(-1), measured: large };
}
