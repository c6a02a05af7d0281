import { InputError } from '../../base/errors.ts';
import { readCallsJson } from './json.ts';
import { isPerf, readPerf } from './perf.ts';
import { isStrace, readStrace } from './strace.ts';

/** A system call as it began. */
export interface SystemCall {
  /** Process: what the kernel calls the thread group. */
  readonly pid: number;
  readonly tid: number;
  readonly nr: number;
  /** Seconds, of whatever origin the trace has; null where it has none. */
  readonly time: number | null;
  /** Line of the trace, from 1. */
  readonly line: number;
}

/** Calls in the order in which they began. `left` counts lines that are none, by what they are. */
export interface CallTrace {
  readonly format: 'strace' | 'perf' | 'json';
  readonly calls: readonly SystemCall[];
  readonly left: Readonly<Record<string, number>>;
}

/** Whether a file looks like a trace of system calls. */
export function isCallTrace(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 65_536);
  if (head.includes(0)) return false;
  const text = new TextDecoder().decode(head);
  return isStrace(text) || isPerf(text) || /^\s*[[{]/.test(text);
}

/** Reads strace's output, perf script's or perf trace's, or JSON. Throws {@link InputError} with the line. */
export function readCalls(text: string, where = ''): CallTrace {
  if (/^\s*[[{](?!pid)/.test(text)) return readCallsJson(text, where);
  if (isPerf(text)) return readPerf(text, where);
  if (isStrace(text)) return readStrace(text, where);
  throw new InputError('this is no trace of system calls', where, 'Give the output of strace -f, perf trace or perf script, or JSON lines');
}
