import { diffLines } from '../diff.ts';
import type { LineHunk } from './link.ts';

/** Lines to exchange in `before` so that it becomes `after`. */
export function linePatch(before: string, after: string): LineHunk[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  return diffLines(a, b).map(({ aFrom, aTo, bFrom, bTo }) => [aFrom, aTo - aFrom, ...b.slice(bFrom, bTo)]);
}

/** `before` with lines exchanged; null where the hunks lie outside of it or in one another. */
export function patched(before: string, hunks: readonly LineHunk[]): string | null {
  const lines = before.split('\n');
  const out: string[] = [];
  let at = 0;
  for (const [from, removed, ...added] of hunks) {
    if (from < at || from + removed > lines.length) return null;
    for (; at < from; at++) out.push(lines[at]!);
    for (const line of added) out.push(line);
    at = from + removed;
  }
  for (; at < lines.length; at++) out.push(lines[at]!);
  return out.join('\n');
}
