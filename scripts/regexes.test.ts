import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';
import { analyse } from 'scslre';
import { expect, test } from 'vitest';

// A pattern that can go back over a run of characters in more than one way takes time with the square of its length: 40,000 blanks in a line of a log took a second. Steps of a pattern cannot
// be counted from outside, so each is looked at as it stands. Patterns in a file that nobody else writes, or that always match where they begin, are left out below.
const src = fileURLToPath(new URL('../src/', import.meta.url));
/** Folders that read what a user opens or types. */
const READERS = ['bpf', 'clang', 'course', 'hooks', 'object', 'traces', 'verifier', 'vm', 'workbench'];
const KNOWN: Readonly<Record<string, string>> = {
  'bpf/align.ts (\\.[\\w.]+|__\\d+)$': 'names of functions',
  'bpf/rename.ts (;|\\/\\/|#\\s).*$': 'matches at the first of them',
  'clang/object/relocations.ts :.*$': 'names of the module',
  'clang/object/relocations.ts \\0.*$': 'matches at the first of them',
  'course/grade-program.ts ;.*$': 'lines of our own listing',
  'course/sample-figures.ts =*$': 'texts of our own lessons',
  'object/combine.ts \\0.*$': 'matches at the first of them',
  'object/func-types.ts ___.*$': 'matches at the first of them',
  'object/read-maps.ts \\..*$': 'matches at the first of them',
  'object/reader.ts \\0.*$': 'matches at the first of them',
  'object/reader.ts [/_].*$': 'matches at the first of them',
  'traces/dissect/http.ts ^([^ ]*) *([^ ]*) *(.*)$': 'matches always',
  'verifier/explain/rule-texts.ts': 'words of our own verifier',
  'workbench/course/link.ts =+$': 'base64 that we wrote',
  'workbench/projects/link.ts =+$': 'base64 that we wrote',
  'workbench/course/store.ts [?#].*$': 'the address of the page',
};
/** A name before what is looked for has 64 characters at most: so many times the length. */
const BOUNDED = new Set(['traces/syscalls/perf.ts']);

/** What may be a pattern that repeats something: other files need not be parsed. */
const LITERAL = /(?:[=(,:&|?[] ?|^\s*)\/[^/*\n].*[*+]/m;

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(join(src, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (entry.name !== 'testing') yield* files(path);
    } else if (/\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path)) yield path;
  }
}

interface Pattern {
  readonly pattern: string;
  readonly flags: string;
}

/** Patterns that stand in a file as literals. */
function patternsOf(text: string): Pattern[] {
  const found: Pattern[] = [];
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { regex } = node as { regex?: Pattern };
    if (regex) found.push(regex);
    for (const value of Object.values(node)) look(value);
  };
  look(parseAst(text, { lang: 'ts' }));
  return found;
}

const slow = ({ pattern, flags }: Pattern): boolean => /[*+,]/.test(pattern) && analyse({ source: pattern, flags }).reports.length > 0;

test.each(READERS)('patterns that read what a user opens have one way through a text: %s', (folder) => {
  const found: string[] = [];
  let patterns = 0;
  for (const file of files(folder)) {
    const text = readFileSync(join(src, file), 'utf8');
    if (BOUNDED.has(file) || !LITERAL.test(text)) continue;
    for (const one of patternsOf(text)) {
      patterns++;
      const told = `${file} ${one.pattern}`;
      if (Object.keys(KNOWN).some((known) => told === known || file === known)) continue;
      if (slow(one)) found.push(told);
    }
  }
  expect(found).toEqual([]);
  expect(patterns).toBeGreaterThan(0);
});

test('a pattern that goes back over blanks is found', () => {
  expect(slow({ pattern: '\\s*;.*$', flags: '' })).toBe(true);
  expect(slow({ pattern: '((?:\\s|;[^\\n]*)*)x', flags: 'y' })).toBe(true);
  expect(slow({ pattern: '^\\s*;(.*)$', flags: '' })).toBe(false);
});
