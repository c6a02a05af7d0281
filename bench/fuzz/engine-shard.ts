/** One process of `engine-fuzz`: every n-th seed, each accepted program in both engines and in the kernel. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { progTypeName } from '../../src/bpf/progtypes.ts';
import { openKernel, whyNoKernel } from '../../src/companion/kernel.ts';
import { structuredProgram } from '../../src/verifier/testing/generator/program.ts';
import { verify } from '../../src/verifier/verify.ts';
import { listingOf } from '../verifier-mutate.ts';
import { EngineJudge } from './engine-judge.ts';
import { kindsOf } from './kinds.ts';
import { shardJob } from './shards.ts';
import { commitNow, count, loadTally, saveTally, see, tallyPath } from './tally.ts';

const SAVE_EVERY = 100;
const MOST_PROCESSED = 30_000;

const job = shardJob();
const path = tallyPath('engine-fuzz', job.first, job.total, job.shard, job.shards);
const tally = loadTally(path, job.first + job.shard);
const kernel = (await openKernel())!;
if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
const cpu = job.shard % kernel.cpus;
await kernel.pin(cpu);
const judge = new EngineJudge(kernel, cpu);
const commit = commitNow();
const defects = process.env.BPFORMER_DEFECTS ?? join(tmpdir(), 'defects');
mkdirSync(defects, { recursive: true });

async function compare(seed: number): Promise<void> {
  const program = structuredProgram(seed, { engine: true });
  const ours = verify(program, {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    cpus: kernel.cpus,
    onProgress: (processed) => processed > MOST_PROCESSED,
  });
  if (ours.message === 'stopped') {
    see(tally, 'skipped', `more than ${MOST_PROCESSED} processed`);
    return;
  }
  const file = (name: string, text: string): void => {
    see(tally, 'found', name);
    writeFileSync(join(defects, `engine-${name}-${seed}.txt`), `${text}\n${program.section}\n${listingOf(program)}\n`);
    console.error(`${name} seed ${seed} (${program.section}): ${text.slice(0, 200)}`);
  };
  const judged = await judge.judge(program, seed);
  if (judged.kind === 'skipped') {
    see(tally, 'skipped', judged.why);
    return;
  }
  count(tally, 'generated');
  if (judged.kind === 'rejected') return;
  count(tally, 'accepted');
  if (judged.kind === 'setAside') see(tally, 'setAside', judged.why);
  if (judged.kind === 'kernelFault') see(tally, 'kernelFaults', String(seed));
  if (judged.kind === 'fault') file('fault', judged.why);
  if (judged.kind !== 'compared') return;
  count(tally, 'compared');
  see(tally, 'commits', commit);
  see(tally, 'progTypes', progTypeName(program.progType));
  see(tally, 'executed', String(judged.executed));
  for (const name of new Set(kindsOf(program.insns))) see(tally, 'insns', name);
  for (const engine of judged.engines) see(tally, 'engines', engine);
  for (const { engine, text } of judged.differences) file(engine, text);
}

const began = performance.now();
const soFar = tally.seconds;
let sinceSaved = 0;
while (tally.next < job.first + job.total && performance.now() - began < job.seconds * 1000) {
  await compare(tally.next);
  tally.next += job.shards;
  tally.seconds = soFar + Math.round((performance.now() - began) / 1000);
  if (++sinceSaved % SAVE_EVERY === 0) saveTally(path, tally);
}
saveTally(path, tally);
kernel.close();
