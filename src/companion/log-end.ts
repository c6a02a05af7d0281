/** What the end of the kernel's verifier log says. Null where the log does not say it. */
export interface LogEnd {
  /** The last line before the statistics; on a rejection, the reason. */
  readonly message: string | null;
  /** Index of the last instruction that the log printed or named. */
  readonly insnIdx: number | null;
  readonly processed: number | null;
  readonly maxStatesPerInsn: number | null;
  readonly totalStates: number | null;
  readonly peakStates: number | null;
  readonly markRead: number | null;
  readonly stackDepth: string | null;
  readonly verificationUsec: number | null;
}

const STATISTICS = /^(processed \d+ insns|verification time|stack depth|mark_precise:)/;

/** Reads the statistics and the final message of a verifier log (Linux 6.x wording). */
export function parseLogEnd(log: string): LogEnd {
  const counts = /processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) mark_read (\d+)/.exec(
    log,
  );
  const count = (group: number) => (counts ? Number(counts[group]) : null);
  // Two messages lack their newline, so that the counters follow on the same line.
  const lines = log.replace(/(?<!\n)processed \d+ insns \(limit/g, '\n$&').split('\n');
  const last = lines.findLast((line) => line !== '' && !STATISTICS.test(line)) ?? null;
  const printed = lines.findLast((line) => /^\d+: \(/.test(line));
  const time = /verification time (\d+) usec/.exec(log);
  return {
    message: last,
    insnIdx: printed ? Number(/^\d+/.exec(printed)![0]) : null,
    processed: count(1),
    maxStatesPerInsn: count(2),
    totalStates: count(3),
    peakStates: count(4),
    markRead: count(5),
    stackDepth: /stack depth ([\d+]+)/.exec(log)?.[1] ?? null,
    verificationUsec: time ? Number(time[1]) : null,
  };
}
