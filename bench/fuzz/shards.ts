import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadTally, merged, type Tally, tallyPath } from './tally.ts';

/** What a shard process is told. */
export interface ShardJob {
  readonly first: number;
  readonly total: number;
  readonly seconds: number;
  readonly shard: number;
  readonly shards: number;
}

/**
 * Runs `script` in several processes, each with every n-th seed, and merges what they counted. A shard saves its tally as it goes: the
 * same command goes on where the last one was stopped.
 */
export async function runShards(
  name: string,
  script: string,
  first: number,
  total: number,
  seconds: number,
  shards: number,
): Promise<Tally> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  await Promise.all(
    Array.from({ length: shards }, (_, shard) => {
      const job: ShardJob = { first, total, seconds, shard, shards };
      return new Promise<void>((resolve, reject) => {
        const child = fork(path, [JSON.stringify(job)], { execArgv: process.execArgv });
        child.on('error', reject);
        child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`shard ${shard} ended with status ${code}`))));
      });
    }),
  );
  return merged(Array.from({ length: shards }, (_, shard) => loadTally(tallyPath(name, first, total, shard, shards), first + shard)));
}

export const shardJob = (): ShardJob => JSON.parse(process.argv[2]) as ShardJob;
