import type { LogCounters, LogRun, LogVerdict } from './lines.ts';
import { REPORT_HEAD } from './report.ts';

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
  reportLine: number;
  /** Instruction that the report points at; -1 where it names none. */
  reportInsn: number;
  gaps: number;
  /** What a loader says of the verdict. */
  stated: LogVerdict;
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
    reportLine: -1,
    reportInsn: -1,
    gaps: 0,
    stated: 'unknown',
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

const ENDLESS = /infinite loop detected at insn \d+$/;

/** Settles what a run says, once all its lines are read. `failed`: a loader says that loading failed; `textOf` decodes one line. */
export function settleRun(draft: RunDraft, to: number, failed: boolean, textOf: (line: number) => string): LogRun {
  const complete = draft.summaryLine >= 0;
  const tail = [...draft.statistics, ...(complete ? [draft.summaryLine] : [])].map(textOf).join('\n');
  const worded = draft.lastMessageLine > draft.lastInsnLine;
  // At level 1 no line feed stands between a branch and what is wrong with the loop that it closes.
  const looped = !worded && complete && draft.lastInsnLine >= 0 ? ENDLESS.exec(textOf(draft.lastInsnLine)) : null;
  const reported = draft.reportLine > draft.lastInsnLine;
  let verdict: LogVerdict = draft.stated;
  if (worded || reported || looped) verdict = 'rejected';
  else if (complete && verdict === 'unknown') verdict = 'accepted';
  else if (failed) verdict = 'rejected';
  // The verifier's old words stand above its report, and name the rule more exactly than its heading.
  const report = reported ? (REPORT_HEAD.exec(textOf(draft.reportLine))?.slice(1).filter(Boolean).join(': ') ?? '') : null;
  const messageLine = worded ? draft.lastMessageLine : reported ? draft.reportLine : looped ? draft.lastInsnLine : -1;
  const message = worded ? textOf(messageLine).replace(COUNTERS, '').trim() : (report ?? looped?.[0] ?? null);
  const named = message === null ? null : number(/\binsn (\d+)/.exec(message));
  const pointed = draft.reportInsn >= 0 ? draft.reportInsn : null;
  return {
    from: draft.from,
    to,
    program: draft.program,
    verdict,
    message,
    messageLine,
    reportLine: reported ? draft.reportLine : -1,
    report,
    gaps: draft.gaps,
    insnIdx: verdict !== 'rejected' ? null : (pointed ?? named ?? (draft.lastInsn >= 0 ? draft.lastInsn : null)),
    complete,
    counters: countersOf(tail),
    insnLines: draft.insnLines,
  };
}
