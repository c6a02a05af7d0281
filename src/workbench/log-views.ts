import type { Beside } from '../verifier/logfile/beside.ts';
import type { LogColumns, LogRun } from '../verifier/logfile/lines.ts';

/** A verifier log as panels show it: bytes and columns, from which they decode the lines in view. */
export interface LogView extends LogColumns {
  /** Identifies the log: cursors and searches belong to one. */
  readonly key: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** How many bytes the file had. */
  readonly fileBytes: number;
  /** Bytes of the longest line. */
  readonly longest: number;
}

/** What the worker hands over; `bytes` null where the given ones can be shown as they are. */
export interface LogAnswer {
  readonly columns: LogColumns;
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly longest: number;
}

/** What our verifier says of a log's program, and where its log parts from the given one. */
export interface BesideView extends Omit<Beside, 'result'> {
  readonly accepted: boolean;
  readonly message: string | null;
}

/** The run that the log is shown for. */
export function runOf(log: Pick<LogColumns, 'runs' | 'run'>): LogRun {
  return log.runs[log.run]!;
}
