import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PAGE_NAMES } from '../course/page-names.ts';
import { WIDGETS } from '../ui/learn/widgets.ts';
import { DESKS } from '../ui/shell/desks.ts';
import { PANELS } from '../ui/shell/panels.ts';
import { SAMPLES } from '../workbench/samples.ts';

test('the names that lessons may use are those of the page', () => {
  expect([...PAGE_NAMES.samples]).toEqual(SAMPLES.map(({ id }) => id));
  expect([...PAGE_NAMES.desks]).toEqual(DESKS.map(({ id }) => id));
  expect([...PAGE_NAMES.panels]).toEqual([...PANELS.keys()].toSorted());
  expect([...PAGE_NAMES.widgets.keys()]).toEqual(Object.keys(WIDGETS));
});

test('docs/lessons.md lists them all', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/lessons.md', import.meta.url)), 'utf8');
  const listed = (what: string) =>
    [...(new RegExp(`^\\| ${what} \\| (.*) \\|$`, 'm').exec(text)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  expect(listed('samples')).toEqual([...PAGE_NAMES.samples]);
  expect(listed('desks')).toEqual([...PAGE_NAMES.desks]);
  expect(listed('panels')).toEqual([...PAGE_NAMES.panels]);
  // Each with what it may be told, in brackets.
  expect(listed('tools within the text')).toEqual([...PAGE_NAMES.widgets].flatMap(([name, keys]) => [name, ...keys]));
});
