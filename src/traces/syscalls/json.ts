import { InputError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { CallTrace, SystemCall } from './calls.ts';
import { callNumber } from './numbers.ts';

/** Calls as JSON: a list, or an object a line, of `{pid, nr or name, tid?, time?}`; time in seconds. */
export function readCallsJson(text: string, where = ''): CallTrace {
  const isList = text.trimStart().startsWith('[');
  const calls: SystemCall[] = [];
  const add = (value: unknown, line: number, at: string) => {
    const fail = (what: string): never => {
      throw new InputError(
        what,
        [where, at].filter(Boolean).join(', '),
        'A call is {"pid": 1, "nr": 0} or {"pid": 1, "name": "read"}, with "tid" and "time" if known',
      );
    };
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`is no object: ${shown(value)}`);
    const { pid, tid = pid, nr, name, time = null } = value as Record<string, unknown>;
    const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0 && (n as number) < 2 ** 32;
    if (!whole(pid)) fail(`its pid is ${shown(pid)}`);
    if (!whole(tid)) fail(`its tid is ${shown(tid)}`);
    if (time !== null && typeof time !== 'number') fail(`its time is ${shown(time)}`);
    if ((nr === undefined) === (name === undefined)) fail('it has neither or both of nr and name');
    const number = nr ?? (typeof name === 'string' ? callNumber(name) : undefined);
    if (number === undefined) fail(`x86-64 has no system call ${typeof name === 'string' ? name : shown(name)}`);
    if (!Number.isSafeInteger(number)) fail(`its nr is ${shown(nr)}`);
    calls.push({ pid: pid as number, tid: tid as number, nr: number as number, time: time as number | null, line });
  };
  const parse = (source: string, at: string): unknown => {
    try {
      return JSON.parse(source);
    } catch (error) {
      throw new InputError(`it is not JSON: ${(error as Error).message}`, [where, at].filter(Boolean).join(', '));
    }
  };
  if (isList) for (const [i, value] of (parse(text, '') as unknown[]).entries()) add(value, i + 1, `call ${i + 1}`);
  else
    for (const [i, line] of text.split('\n').entries()) if (line.trim() !== '') add(parse(line, `line ${i + 1}`), i + 1, `line ${i + 1}`);
  return { format: 'json', calls, left: {} };
}
