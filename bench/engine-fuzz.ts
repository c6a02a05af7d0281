/**
 * Random accepted programs in both engines and in this machine's kernel: `npm run long engine-fuzz COUNT SEED SECONDS SHARDS`, COUNT
 * seeds from SEED on.
 *
 * After each of two packets (or contexts) r0, the packet with its metadata, the contents of all maps, of every processor, and the records of
 * ring buffers must be the same three times. Programs whose result depends on an address, on stack that was never written, on time or chance
 * are set aside by taint; `kernelFaults` are seeds that 6.18 runs other than it should (`engine-judge.ts`). Differences are left in BPFORMER_DEFECTS (default: the temporary folder). The same command goes on where it was stopped.
 */
import { ALL_KINDS } from './fuzz/kinds.ts';
import { runShards } from './fuzz/shards.ts';
import { median, ranked, share } from './fuzz/tally.ts';

export default async function fuzz([total = '10000', first = '1', seconds = '86400', shards = '2']: string[]): Promise<unknown> {
  const tally = await runShards('engine-fuzz', './engine-shard.ts', Number(first), Number(total), Number(seconds), Number(shards));
  const { counts, groups } = tally;
  const setAside = Object.values(groups.setAside ?? {}).reduce((sum, n) => sum + n, 0);
  const seen = new Set(Object.keys(groups.insns ?? {}));
  return {
    generated: counts.generated,
    accepted: counts.accepted,
    acceptedShare: share(counts.accepted, counts.generated),
    compared: counts.compared,
    seeds: [Number(first), Math.min(tally.next, Number(first) + Number(total)) - 1],
    seconds: tally.seconds,
    commits: groups.commits,
    found: { interp: 0, wasm: 0, fault: 0, ...groups.found },
    engines: groups.engines,
    medianExecuted: median(groups.executed),
    setAsideShare: share(setAside, counts.accepted),
    setAside: Object.fromEntries(ranked(groups.setAside)),
    kernelFaults: Object.keys(groups.kernelFaults ?? {}).map(Number),
    skipped: groups.skipped ?? {},
    programTypes: groups.progTypes,
    insnKinds: {
      all: ALL_KINDS.length,
      seen: ALL_KINDS.filter((kind) => seen.has(kind)).length,
      missing: ALL_KINDS.filter((kind) => !seen.has(kind)),
    },
  };
}
