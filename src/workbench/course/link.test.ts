import { deflateSync } from 'fflate';
import { expect, test } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { decodeLesson, encodeLesson, LESSON_PREFIX } from './link.ts';

test('a lesson is the same after its link', () => {
  const file = { name: 'a lesson.md', text: '---\nlesson: a\n---\n## Ä step\n' };
  expect(decodeLesson(encodeLesson(file))).toEqual(file);
});

test.each([
  ['', 'damaged'],
  ['%%%', 'damaged'],
  ['AAAA', 'damaged'],
  ['____', 'damaged'],
])('%j is no link', (text, message) => {
  expect(() => decodeLesson(LESSON_PREFIX + text)).toThrow(InputError);
  expect(() => decodeLesson(LESSON_PREFIX + text)).toThrow(message);
});

test('a link that unpacks to a hundred times its size is left', () => {
  const packed = Buffer.from(deflateSync(new Uint8Array(32 * 1024 * 1024))).toString('base64url');
  expect(() => decodeLesson(LESSON_PREFIX + packed)).toThrow('too large');
});
