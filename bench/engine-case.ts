/**
 * `npm run long engine-case SEED…`: programs of `engine-fuzz` once more, with what became of them. Where an engine differs from the kernel, the
 * program is shrunk to what still differs. Seeds of one shard of two run on the processor that they ran on there.
 */
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { structuredProgram } from '../src/verifier/testing/generator/program.ts';
import { EngineJudge, type Judgement } from './fuzz/engine-judge.ts';
import { listingOf, shrink } from './verifier-mutate.ts';

const differs = (judged: Judgement): boolean => judged.kind === 'fault' || (judged.kind === 'compared' && judged.differences.length > 0);

export default async function cases(seeds: string[]): Promise<undefined> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  for (const seed of seeds.map(Number)) {
    const cpu = seed % Math.min(2, kernel.cpus);
    await kernel.pin(cpu);
    const judge = new EngineJudge(kernel, cpu);
    const program = structuredProgram(seed, { engine: true });
    const judged = await judge.judge(program, seed);
    console.log(`${seed} (${program.section}): ${JSON.stringify(judged).slice(0, 400)}`);
    if (!differs(judged)) continue;
    const least = await shrink(program, async (candidate) => differs(await judge.judge(candidate, seed)), 3000);
    console.log(`${JSON.stringify(await judge.judge(least, seed))}\n${listingOf(least)}`);
    console.log(
      `maps: ${least.maps.map(({ name }) => name).join(', ')}; functions at ${least.subprogs.map(({ start }) => start).join(', ')}; kernel functions: ${JSON.stringify([...least.kfuncCalls])}`,
    );
  }
  kernel.close();
}
