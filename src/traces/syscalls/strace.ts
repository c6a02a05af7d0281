import { InputError } from '../../base/errors.ts';
import type { CallTrace, SystemCall } from './calls.ts';
import { callNumber } from './numbers.ts';

// strace(1): an optional process, an optional time, then `name(arguments) = result`, or a line about a signal, an exit or a resumed call.

const PROCESS = /^(?:\[pid\s+(\d+)\]\s+|(\d+)\s+(?=\S))/;
/** Times of -t, -tt, -ttt and -r. */
const TIME = /^(?:(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)|(\d+\.\d+))\s+/;
const CALL = /^([a-z_][a-z0-9_]*)\(/;
const RESUMED = /^<\.\.\. ([a-z_][a-z0-9_]*) resumed>/;
const RESULT_OF_CLONE = /\)\s+=\s+(\d+)(?:\s+<[\d.]+>)?\s*$/;
const CLONES = new Set(['clone', 'clone3', 'fork', 'vfork']);
const DAY = 86_400;

const LINES: readonly (readonly [string, RegExp])[] = [
  ['signals', /^---.*---$/],
  ['exits', /^\+\+\+.*\+\+\+$/],
  ['detached', /^\?{4}\(|^<detached/],
  ['messages', /^strace: |^\[ Process PID=|^Process \d+ /],
];

/** Whether one of the first lines is a call as strace writes it. */
export const isStrace = (text: string): boolean =>
  text
    .slice(0, 65_536)
    .split('\n')
    .slice(0, 50)
    .some((line) => {
      const rest = line.replace(PROCESS, '').replace(TIME, '');
      return CALL.test(rest) && /(\)\s+=\s|<unfinished \.\.\.>$|\)\s+= \?)/.test(rest);
    });

/**
 * Calls of strace's output, with or without -f, -t, -r, -T and -o. A call that is interrupted by others counts where it begins. A thread belongs to the
 * process whose clone call (with CLONE_THREAD) made it, if the trace holds that call.
 */
export function readStrace(text: string, where = ''): CallTrace {
  const calls: SystemCall[] = [];
  const left: Record<string, number> = {};
  const processOf = new Map<number, number>();
  /** Clone calls that have begun, by thread: whether they make a thread. */
  const cloning = new Map<number, boolean>();
  let days = 0;
  let lastTime = 0;
  const skip = (what: string) => {
    left[what] = (left[what] ?? 0) + 1;
  };
  for (const [index, raw] of text.split('\n').entries()) {
    let line = raw.replace(/\r$/, '').trimEnd();
    if (line === '') continue;
    const who = PROCESS.exec(line);
    if (who) line = line.slice(who[0].length);
    const tid = who ? Number(who[1] ?? who[2]) : 0;
    const when = TIME.exec(line);
    let time: number | null = null;
    if (when) {
      line = line.slice(when[0].length);
      time = when[4] === undefined ? Number(when[1]) * 3600 + Number(when[2]) * 60 + Number(when[3]) + days : Number(when[4]);
      // Times of day begin anew at midnight.
      if (when[4] === undefined && time < lastTime - DAY / 2) {
        days += DAY;
        time += DAY;
      }
      lastTime = time;
    }
    const resumed = RESUMED.exec(line);
    const call = resumed ? null : CALL.exec(line);
    const name = (resumed ?? call)?.[1] ?? '';
    if (CLONES.has(name)) {
      if (call) cloning.set(tid, line.includes('CLONE_THREAD'));
      const made = RESULT_OF_CLONE.exec(line);
      if (made && cloning.get(tid)) processOf.set(Number(made[1]), processOf.get(tid) ?? tid);
    }
    if (resumed) {
      skip('resumed');
      continue;
    }
    if (!call) {
      // Without -o the traced programs write between strace's lines.
      skip(LINES.find(([, pattern]) => pattern.test(line))?.[0] ?? 'other output');
      continue;
    }
    const nr = callNumber(name);
    if (nr === undefined)
      throw new InputError(
        `x86-64 has no system call ${name}`,
        [where, `line ${index + 1}`].filter(Boolean).join(', '),
        'Traces of other architectures are not read',
      );
    calls.push({ pid: tid, tid, nr, time, line: index + 1 });
  }
  // A thread calls before the call that made it returns.
  return { format: 'strace', calls: calls.map((call) => ({ ...call, pid: processOf.get(call.tid) ?? call.tid })), left };
}
