import { expect, test } from 'vitest';
import { readLabels } from './labels.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('labels come as lines, as a list and with packets', () => {
  expect([...readLabels(bytes('1\n0\r\n-1\n'), 'l.txt', 3)]).toEqual([1, 0, -1]);
  expect([...readLabels(bytes('[1, 0, 2]'), 'l.json', 3)]).toEqual([1, 0, 2]);
  expect([...readLabels(bytes('{"packets": [{"label": 1}, {}]}'), 'l.json', 2)]).toEqual([1, -1]);
});

test.each([
  ['1\nx\n', 2, 'l, line 2'],
  ['1\n', 2, 'l'],
  ['[1.5]', 1, 'l'],
  ['[300]', 1, 'l'],
  ['{"packets": 3}', 1, 'l'],
  ['{', 1, 'l'],
  ['[[1]]', 1, 'l'],
])('%j is refused and says where', (text, count, where) => {
  expect(() => readLabels(bytes(text), 'l', count)).toThrow(expect.objectContaining({ where }));
});
