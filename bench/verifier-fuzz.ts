/**
 * Differential fuzzing of the verifier against this machine's kernel: `npm run long verifier-fuzz COUNT SEED SECONDS SHARDS`.
 *
 * Most programs are random ones with structure, a part of them with a mistake or two; the others are mutations: of accepted ones among
 * them, of cases of the folder BPFORMER_CORPUS, of what clang makes of the object reader's C files and what our compiler emits. Verdict,
 * message and counters must be the kernel's. Accepted programs that need no more than the engine has are also run, beside a recording of
 * their verification: each register and spilled value must lie within the state that the verifier had on that path.
 *
 * Each difference is shrunk and filed in BPFORMER_DEFECTS (default: the temporary folder): lines of `filed.jsonl` are cases for
 * `src/verifier/testdata/filed.jsonl`. The same command goes on where it was stopped.
 */
import { ALL_KINDS } from './fuzz/kinds.ts';
import { runShards } from './fuzz/shards.ts';
import { median, ranked, share } from './fuzz/tally.ts';

export default async function fuzz([total = '20000', first = '1', seconds = '86400', shards = '2']: string[]): Promise<unknown> {
  const tally = await runShards('verifier-fuzz', './verifier-shard.ts', Number(first), Number(total), Number(seconds), Number(shards));
  const { counts, groups } = tally;
  const seen = new Set(Object.keys(groups.insns ?? {}));
  const accepted = new Set(Object.keys(groups.insnsAccepted ?? {}));
  const runs = groups.runs ?? {};
  return {
    programs: counts.programs,
    seeds: [Number(first), Math.min(tally.next, Number(first) + Number(total)) - 1],
    seconds: tally.seconds,
    commits: groups.commits,
    kinds: groups.kinds,
    acceptedShareByKind: Object.fromEntries(
      Object.entries(groups.kinds ?? {}).map(([kind, n]) => [kind, share(groups.acceptedByKind?.[kind], n)]),
    ),
    skipped: groups.skipped ?? {},
    acceptedShare: share(counts.accepted, counts.programs),
    medianProcessed: median(groups.processed),
    found: { unsound: 0, strict: 0, message: 0, counters: 0, crash: 0, outside: 0, fault: 0, ...groups.found },
    insnKinds: {
      all: ALL_KINDS.length,
      seen: ALL_KINDS.filter((kind) => seen.has(kind)).length,
      inAccepted: ALL_KINDS.filter((kind) => accepted.has(kind)).length,
      missing: ALL_KINDS.filter((kind) => !accepted.has(kind)),
    },
    programTypes: groups.progTypes,
    acceptedByType: groups.acceptedByType,
    helpersInAccepted: Object.keys(groups.helpersAccepted ?? {}).map(Number),
    kfuncsInAccepted: Object.keys(groups.kfuncsAccepted ?? {}),
    messageTemplates: Object.keys(groups.templates ?? {}).length,
    run: {
      share: share(runs.contained, counts.accepted),
      programs: runs.contained ?? 0,
      steps: counts.runSteps ?? 0,
      values: counts.runChecks ?? 0,
      notRun: Object.fromEntries(ranked(groups.notRun, 25)),
    },
    commonMessages: ranked(groups.templates, 60),
  };
}
