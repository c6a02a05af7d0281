/**
 * `npm run long clang-diff [FUNCTIONS] [SEED]`: C functions, written and generated, compiled by us and by a native clang-19 for v1 to v4, run on the same
 * packets in this machine's kernel. Every result must be the same, and no program may be refused that is accepted from clang.
 */
import { readFileSync } from 'node:fs';
import type { Cpu } from '../src/clang/compile.ts';
import { compareWithClang, type Differences } from '../src/clang/testing/differ.ts';
import { generateSource, writtenSource } from '../src/clang/testing/generate.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';

const INPUTS = 64;
const IN_ONE_FILE = 25;
/** Instruction set and level of each round; most programs are built as v3 at -O2. */
const ROUNDS: readonly (readonly [Cpu, '1' | '2' | 's'])[] = [
  ['v3', '2'],
  ['v4', '2'],
  ['v1', '2'],
  ['v3', '1'],
  ['v2', 's'],
];

const written = (name: string): string => readFileSync(new URL(`../src/clang/testdata/${name}.c`, import.meta.url), 'utf8');

export default async function measure(args: string[]): Promise<unknown> {
  const functions = Number(args[0] ?? 300);
  const seed = Number(args[1] ?? 1);
  const kernel = await openKernel();
  if (!kernel) throw new Error(`there is no kernel to ask: ${whyNoKernel()}`);
  const totals = { functions: 0, compared: 0, runs: 0, different: [] as string[], lost: [] as string[], refused: [] as string[] };
  const insns = { ours: 0, clang: 0 };
  const failed: string[] = [];
  const take = (what: string, found: Differences): void => {
    totals.compared += found.compared;
    totals.runs += found.runs;
    for (const list of ['different', 'lost', 'refused'] as const) totals[list].push(...found[list].map((text) => `${what}: ${text}`));
    insns.ours += found.insns.ours;
    insns.clang += found.insns.clang;
  };
  const one = async (what: string, source: { source: string; names: string[] }, cpu: Cpu, level: '1' | '2' | 's'): Promise<void> => {
    totals.functions += source.names.length;
    try {
      take(what, await compareWithClang(kernel, source.source, cpu, level, INPUTS));
    } catch (error) {
      failed.push(`${what}: ${String((error as Error).message).split('\n')[0]}`);
    }
    console.error(
      `${what}: ${totals.compared} compared, ${totals.different.length} different, ${totals.lost.length} lost, ${failed.length} failed`,
    );
  };
  for (const [cpu, level] of ROUNDS) {
    const more = `${cpu === 'v3' || cpu === 'v4' ? written('atomics') : ''}${cpu === 'v4' ? written('signed-division') : ''}`;
    await one(`written ${cpu} -O${level}`, writtenSource(written('functions'), more), cpu, level);
  }
  for (let made = 0, round = 0; made < functions; made += IN_ONE_FILE, round++) {
    const [cpu, level] = ROUNDS[round % ROUNDS.length]!;
    const count = Math.min(IN_ONE_FILE, functions - made);
    await one(`seed ${seed + round} ${cpu} -O${level}`, generateSource(seed + round, count, cpu), cpu, level);
  }
  kernel.close();
  return { ...totals, failed, insns, sizeRatio: insns.ours / insns.clang };
}
