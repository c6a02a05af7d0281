import { expect, test } from 'vitest';
import { ordered, pathOfQuery, queryOfPath, readPath, writePath } from './path.ts';

const PATH = { title: 'Class 7b, spring', lessons: ['registers', 'packets'] };

test('a path is the same after its file and after its link', () => {
  expect(readPath(writePath(PATH), 'class.json')).toEqual(PATH);
  expect(pathOfQuery(new URLSearchParams(queryOfPath(PATH)))).toEqual(PATH);
  expect(pathOfQuery(new URLSearchParams('?lesson=registers'))).toBeNull();
});

test.each([
  ['{', 'JSON'],
  ['[]', 'this is no path'],
  ['{"format":"bpformer-path","version":2}', 'of version 2'],
  ['{"format":"bpformer-path","version":1,"title":"x","lessons":[]}', '1 to 200'],
  ['{"format":"bpformer-path","version":1,"title":"x","lessons":["<b>"]}', 'not by "<b>"'],
  ['{"format":"bpformer-path","version":1,"title":"","lessons":["a"]}', 'needs a title'],
])('%s is no path', (text, message) => {
  expect(() => readPath(text, 'class.json')).toThrow(message);
});

test('lessons that a path does not name come last, by name', () => {
  const ids = (names: readonly string[]) => names.map((id) => ({ id }));
  expect(ordered(ids(['z', 'packets', 'a', 'registers']), PATH).map(({ id }) => id)).toEqual(['registers', 'packets', 'a', 'z']);
});
