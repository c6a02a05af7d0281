import type { CallTraceView } from '../../workbench/views.ts';

/** Longer lines are cut for the list. */
const MOST_BYTES = 400;
const decoder = new TextDecoder();

/** What stands behind the name of a call on its line of the trace; '' where the trace says no more. */
export function argumentsOf({ text, at }: Pick<CallTraceView, 'text' | 'at'>, call: number): string {
  if (!at) return '';
  const from = at[call]!;
  const end = text.indexOf(10, from);
  const line = decoder.decode(text.subarray(from, Math.min(end < 0 ? text.length : end, from + MOST_BYTES)));
  if (/^\s*[[{]/.test(line)) return '';
  const strace = /(?:^|\s)[a-z_][a-z0-9_]*(\(.*)$/.exec(line);
  if (strace) return strace[1]!;
  return /sys_enter\w*:\s*(.*)$/.exec(line)?.[1] ?? '';
}
