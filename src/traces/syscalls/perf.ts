import { InputError } from '../../base/errors.ts';
import type { CallTrace, SystemCall } from './calls.ts';
import { callNumber } from './numbers.ts';

// perf-script(1): `comm pid[/tid] [cpu] seconds: event: fields`; perf-trace(1): `ms ( duration ms): comm/tid name(arguments) = result`.

// No two parts of a pattern can share a run of characters of any length: a line of spaces would be tried at each of them. A name has 15 characters, and threads of Java may show more.
const SCRIPT = /^\s*(\S.{0,63}?)\s+(\d+)(?:\/(\d+))?\s+(?:\[\d+\]\s+)?(?:[.a-zA-Z]{4,6}\s+)?(\d+\.\d+):\s+(?:\d+\s+)?(\S+):(?:\s+(.*))?$/;
const ENTER = /^raw_syscalls:sys_enter$/;
const NAMED = /^syscalls:sys_enter_([a-z0-9_]+)$/;
const NR = /^NR\s+(-?\d+)/;
const TRACE = /^\s*(\d+\.\d+|\?)\s*\([^)]*\):\s+(?:(\S.{0,63}?)\/(\d+)\s+)?(\S.*|)$/;
const CALL = /^([a-z_][a-z0-9_]*)\(/;

/** Whether one of the first lines is perf's. */
export const isPerf = (text: string): boolean =>
  text
    .slice(0, 65_536)
    .split('\n')
    .slice(0, 50)
    .some((line) => {
      const script = SCRIPT.exec(line);
      if (script) return /^(raw_)?syscalls:sys_/.test(script[5]!);
      const trace = TRACE.exec(line);
      return trace !== null && (CALL.test(trace[4]!) || trace[4]!.startsWith('...'));
    });

/** Calls that `perf script` (of `raw_syscalls:sys_enter` or `syscalls:sys_enter_*`) or `perf trace` wrote. */
export function readPerf(text: string, where = ''): CallTrace {
  const calls: SystemCall[] = [];
  const left: Record<string, number> = {};
  const skip = (what: string) => {
    left[what] = (left[what] ?? 0) + 1;
  };
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const at = [where, `line ${index + 1}`].filter(Boolean).join(', ');
    const number = (name: string): number => {
      const nr = callNumber(name);
      if (nr === undefined) throw new InputError(`x86-64 has no system call ${name}`, at, 'Traces of other architectures are not read');
      return nr;
    };
    const script = SCRIPT.exec(line);
    if (script) {
      const [, , pid, tid, time, event, fields = ''] = script;
      const named = NAMED.exec(event!);
      if (!ENTER.test(event!) && !named) {
        skip(event!);
        continue;
      }
      const nr = named ? number(named[1]!.replace(/^new(?=(stat|lstat|fstat|uname)$)/, '')) : Number(NR.exec(fields)?.[1] ?? Number.NaN);
      if (Number.isNaN(nr)) throw new InputError(`no number of a call in ${JSON.stringify(fields.slice(0, 40))}`, at);
      calls.push({ pid: Number(pid), tid: Number(tid ?? pid), nr, time: Number(time), line: index + 1 });
      continue;
    }
    const trace = TRACE.exec(line);
    const call = trace && CALL.exec(trace[4]!);
    if (!trace) throw new InputError(`not a line of perf: ${JSON.stringify(line.slice(0, 60))}`, at);
    if (!call) {
      skip(trace[4]!.startsWith('...') ? 'continued' : 'events');
      continue;
    }
    const tid = Number(trace[3] ?? 0);
    calls.push({ pid: tid, tid, nr: number(call[1]!), time: trace[1] === '?' ? null : Number(trace[1]) / 1000, line: index + 1 });
  }
  return { format: 'perf', calls, left };
}
