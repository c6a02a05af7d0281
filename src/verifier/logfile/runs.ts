import type { LogCounters, LogRun, LogVerdict } from './lines.ts';

/** A run while its lines are being read. */
export interface RunDraft {
  from: number;
  program: string;
  insnLines: number;
  /** The last line with an instruction or a path, and its instruction. */
  lastInsnLine: number;
  lastInsn: number;
  lastMessageLine: number;
  summaryLine: number;
  /** Lines of `stack depth …` and `verification time …`. */
  statistics: number[];
}

export function newRun(from: number, program: string): RunDraft {
  return {
    from,
    program,
    insnLines: 0,
    lastInsnLine: -1,
    lastInsn: -1,
    lastMessageLine: -1,
    summaryLine: -1,
    statistics: [],
  };
}

const number = (match: RegExpExecArray | null): number | null => (match ? Number(match[1]) : null);

/** The counters in the lines that the kernel writes last. */
export function countersOf(text: string): LogCounters {
  return {
    processed: number(/processed (\d+) insns/.exec(text)),
    limit: number(/\(limit (\d+)\)/.exec(text)),
    maxStatesPerInsn: number(/max_states_per_insn (\d+)/.exec(text)),
    totalStates: number(/total_states (\d+)/.exec(text)),
    peakStates: number(/peak_states (\d+)/.exec(text)),
    stackDepth: /stack depth (\d+(?:\+\d+)*)/.exec(text)?.[1] ?? null,
    verificationUsec: number(/verification time (\d+) usec/.exec(text)),
  };
}

/** Two messages of the kernel lack their line feed, so that the counters stand behind them. */
const COUNTERS = /processed \d+ insns \(limit.*$/s;

/** How the 7.3 block names its problem. */
const REPORT = /^Verification failed: (.*)$/;

/** Settles what a run says, once all its lines are read. `failed`: a loader says that loading failed; `textOf` decodes one line. */
export function settleRun(draft: RunDraft, to: number, failed: boolean, textOf: (line: number) => string): LogRun {
  const complete = draft.summaryLine >= 0;
  const tail = [...draft.statistics, ...(complete ? [draft.summaryLine] : [])].map(textOf).join('\n');
  const said = draft.lastMessageLine >= 0 && draft.lastMessageLine > draft.lastInsnLine;
  // At level 4 the kernel gives its counters for a rejected program too, and no reason.
  const silent = draft.statistics.length > 0 && draft.insnLines === 0;
  let verdict: LogVerdict = 'unknown';
  if (said) verdict = 'rejected';
  else if (complete && !silent) verdict = 'accepted';
  else if (failed) verdict = 'rejected';
  const messageLine = said ? reasonLine(draft, textOf) : -1;
  const message = said ? textOf(messageLine).replace(COUNTERS, '').trim() : null;
  const named = message === null ? null : number(/\binsn (\d+)/.exec(message));
  return {
    from: draft.from,
    to,
    program: draft.program,
    verdict,
    message: message && REPORT.test(message) ? REPORT.exec(message)![1]! : message,
    messageLine,
    insnIdx: verdict !== 'rejected' ? null : (named ?? (draft.lastInsn >= 0 ? draft.lastInsn : null)),
    complete,
    counters: countersOf(tail),
    insnLines: draft.insnLines,
  };
}

/** The last line of the reason; the head of a 7.3 block where there is one. */
function reasonLine(draft: RunDraft, textOf: (line: number) => string): number {
  const first = Math.max(draft.lastInsnLine + 1, draft.lastMessageLine - 60, draft.from);
  for (let line = first; line <= draft.lastMessageLine; line++) if (REPORT.test(textOf(line).trim())) return line;
  return draft.lastMessageLine;
}
