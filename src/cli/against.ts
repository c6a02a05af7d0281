import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/errors.ts';
import type { Against, BudgetChange } from '../verifier/against.ts';
import type { VerifyResult } from '../verifier/api.ts';
import { fileName, userPath } from './io.ts';

/** The old version of a file: OLD itself, or the file of that name in the folder OLD; null where the folder has none. */
export function oldPath(old: string, path: string, files: number): string | null {
  const there = userPath(old);
  if (!existsSync(there)) throw new InputError('there is no such file or folder', old);
  if (!statSync(there).isDirectory()) {
    if (files > 1) throw new InputError('is one file, and several were given to compare: name a folder with their old versions', old);
    return old;
  }
  const found = join(old, fileName(path));
  return existsSync(userPath(found)) ? found : null;
}

const numbers = (result: VerifyResult | null): object | null =>
  result && {
    accepted: result.accepted,
    message: result.message,
    processed: result.processed,
    totalStates: result.totalStates,
    stackDepth: result.stackDepth,
  };

export const againstRow = (file: string, { name, change, was, now, budget }: Against): object => ({
  file,
  name,
  change,
  was: numbers(was),
  now: numbers(now),
  budget,
});

const grown = (was: number, now: number): string => {
  if (was === now) return `${now.toLocaleString('en')}`;
  const by = was === 0 ? '' : ` (${now > was ? '+' : '−'}${Math.abs(Math.round(((now - was) / was) * 1000) / 10)} %)`;
  return `${was.toLocaleString('en')} → ${now.toLocaleString('en')}${by}`;
};

/** Where a budget line comes from. */
export const placeOf = ({ file, line, text }: BudgetChange): string =>
  file ? `${file}:${line}  ${text}` : `${text} (no line information)`;

const WORDS: Readonly<Record<Against['change'], string>> = {
  same: 'unchanged',
  counts: 'same verdict, other counts',
  message: 'rejected for another reason',
  fixed: 'rejected before, accepted now',
  broken: 'accepted before, rejected now',
  added: 'new',
  removed: 'gone',
};

/** What changed, for people. */
export function againstText(file: string, rows: readonly Against[]): string {
  const lines: string[] = [];
  for (const { name, change, was, now, budget } of rows) {
    lines.push(`${file} ${name}: ${WORDS[change]}`);
    if (was?.message && was.message !== now?.message) lines.push(`  was: ${was.message}`);
    if (now?.message && was?.message !== now.message) lines.push(`  now: ${now.message}`);
    if (!was || !now || change === 'same') continue;
    lines.push(`  processed ${grown(was.processed, now.processed)}, states ${grown(was.totalStates, now.totalStates)}`);
    if (was.stackDepth !== now.stackDepth) lines.push(`  stack ${was.stackDepth} → ${now.stackDepth}`);
    for (const change of budget) lines.push(`  ${grown(change.was, change.now).padEnd(28)} ${placeOf(change)}`);
  }
  return lines.join('\n');
}
