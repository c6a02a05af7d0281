/** One process of `verifier-fuzz`: every n-th seed, each program to our verifier and to the kernel, accepted ones through the machine. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../../src/bpf/program.ts';
import { progTypeName } from '../../src/bpf/progtypes.ts';
import { openKernel, whyNoKernel } from '../../src/companion/kernel.ts';
import type { VerifyOptions, VerifyResult } from '../../src/verifier/api.ts';
import { type Answer, difference, fileLine, kernelAnswer, ourAnswer } from '../../src/verifier/testing/filed.ts';
import { verify } from '../../src/verifier/verify.ts';
import { contain } from '../../src/vm/testing/contain.ts';
import { listingOf, shrink } from '../verifier-mutate.ts';
import { KernelSide } from './kernel-side.ts';
import { kindsOf } from './kinds.ts';
import { shardJob } from './shards.ts';
import { Sources } from './sources.ts';
import { commitNow, count, loadTally, saveTally, see, tallyPath } from './tally.ts';

const WINDOW = 24;
const SAVE_EVERY = 200;
const MOST_SHRUNK = 40;
/** Programs that process more take the time of hundreds of others: they are counted as too long. */
const MOST_PROCESSED = 30_000;

const job = shardJob();
const path = tallyPath('verifier-fuzz', job.first, job.total, job.shard, job.shards);
const tally = loadTally(path, job.first + job.shard);
const kernel = await openKernel();
if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
const side = new KernelSide(kernel);
const sources = new Sources();
const commit = commitNow();
const options: VerifyOptions = {
  kernel: '6.18',
  privilege: 'root',
  logLevel: 0,
  cpus: kernel.cpus,
  onProgress: (processed) => processed > MOST_PROCESSED,
};
const defects = process.env.BPFORMER_DEFECTS ?? join(tmpdir(), 'defects');
mkdirSync(defects, { recursive: true });
let shrunk = 0;

const isTooLong = ({ message }: VerifyResult): boolean => message === 'stopped';

async function differs(program: Program): Promise<ReturnType<typeof difference>> {
  const ours = verify(program, options);
  const theirs = isTooLong(ours) ? null : await side.judge(program);
  return theirs && difference(ourAnswer(ours), kernelAnswer(theirs as typeof theirs & Answer));
}

/** Makes a program that differs as small as it gets and files it. */
async function file(kind: string, seed: number, program: Program, what: NonNullable<ReturnType<typeof difference>>): Promise<void> {
  if (shrunk++ >= MOST_SHRUNK) return;
  const least = await shrink(program, async (candidate) => (await differs(candidate)) === what);
  const ours = ourAnswer(verify(least, options));
  const theirs = (await side.judge(least))!;
  const answer = kernelAnswer(theirs as typeof theirs & Answer);
  const about = `${what}: ${kind} seed ${seed}`;
  writeFileSync(
    join(defects, `${what}-${seed}.txt`),
    `${about}\nours: ${JSON.stringify(ours)}\nkernel: ${JSON.stringify(answer)}\n${listingOf(least)}\n`,
  );
  appendFileSync(join(defects, 'filed.jsonl'), `${fileLine({ about, program: least, kernel: answer })}\n`);
  console.error(
    `${about}: ours ${ours.message ?? 'accepted'} (${ours.processed}) · kernel ${answer.message ?? 'accepted'} (${answer.processed})`,
  );
}

async function compare(
  kind: string,
  seed: number,
  program: Program,
  ours: VerifyResult,
  pending: ReturnType<KernelSide['judge']>,
): Promise<void> {
  const theirs = await pending;
  if (!theirs) {
    see(tally, 'skipped', 'not for the verifier');
    return;
  }
  const answer = kernelAnswer(theirs as typeof theirs & Answer);
  count(tally, 'programs');
  see(tally, 'kinds', kind);
  see(tally, 'commits', commit);
  see(tally, 'progTypes', progTypeName(program.progType));
  for (const name of kindsOf(program.insns)) see(tally, 'insns', name);
  if (answer.accepted) for (const name of new Set(kindsOf(program.insns))) see(tally, 'insnsAccepted', name);
  for (const { opcode, src, imm } of program.insns)
    if (answer.accepted && opcode === 0x85 && src === 0) see(tally, 'helpersAccepted', String(imm));
  if (answer.accepted) for (const name of program.kfuncCalls.values()) see(tally, 'kfuncsAccepted', name);
  see(tally, 'processed', String(answer.processed ?? 0));
  if (answer.accepted) {
    count(tally, 'accepted');
    see(tally, 'acceptedByType', progTypeName(program.progType));
    see(tally, 'acceptedByKind', kind);
  } else see(tally, 'templates', answer.message!.replace(/0x[0-9a-f]+|-?\d+/g, 'N'));
  const what = difference(ourAnswer(ours), answer);
  if (what) {
    see(tally, 'found', what);
    await file(kind, seed, program, what);
  } else if (answer.accepted) {
    const end = contain(program, seed, options);
    see(tally, 'runs', end.kind);
    if (end.kind === 'contained') {
      count(tally, 'runSteps', end.steps);
      count(tally, 'runChecks', end.checks);
      count(tally, 'runsLeftEarly', end.leftEarly);
    } else if (end.kind === 'outside' || end.kind === 'fault') {
      see(tally, 'found', end.kind);
      writeFileSync(join(defects, `${end.kind}-${seed}.txt`), `${kind} seed ${seed}\n${end.why}\n${listingOf(program)}\n`);
      console.error(`${end.kind} ${kind} seed ${seed}: ${end.why}`);
    } else see(tally, 'notRun', end.why);
  }
}

const waiting: (() => Promise<void>)[] = [];
const began = performance.now();
const before = tally.seconds;
const save = (): void => {
  tally.seconds = before + Math.round((performance.now() - began) / 1000);
  saveTally(path, tally);
};
const finish = async (): Promise<void> => {
  for (const next of waiting.splice(0)) await next();
  save();
};
let sinceSaved = 0;
for (; tally.next < job.first + job.total && performance.now() - began < job.seconds * 1000; tally.next += job.shards) {
  const seed = tally.next;
  const { kind, program } = sources.program(seed);
  let ours: VerifyResult;
  try {
    ours = verify(program, options);
  } catch (error) {
    see(tally, 'found', 'crash');
    writeFileSync(join(defects, `crash-${seed}.txt`), `${kind}\n${(error as Error).stack}\n${listingOf(program)}\n`);
    continue;
  }
  if (isTooLong(ours)) {
    see(tally, 'skipped', `more than ${MOST_PROCESSED} processed`);
    continue;
  }
  const pending = side.judge(program);
  waiting.push(() => compare(kind, seed, program, ours, pending));
  if (waiting.length >= WINDOW) await waiting.shift()!();
  if (++sinceSaved < SAVE_EVERY) continue;
  sinceSaved = 0;
  // What is saved counts every seed before the next one.
  for (const next of waiting.splice(0)) await next();
  tally.next += job.shards;
  save();
  tally.next -= job.shards;
}
await finish();
kernel.close();
