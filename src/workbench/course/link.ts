import { deflateSync, Inflate } from 'fflate';
import { InputError } from '../../base/errors.ts';
import { MOST_BYTES } from '../../course/limits.ts';
import type { LessonFile } from './views.ts';

/** A lesson that travels in the address: `#lesson=` and base64url of a raw deflate of its file's name, a line feed, and its text. */
export const LESSON_PREFIX = '#lesson=';
/** Longest link that is made: browsers and chats cut longer ones. */
export const MOST_LINK = 32_000;

export function encodeLesson({ name, text }: LessonFile): string {
  const packed = deflateSync(new TextEncoder().encode(`${name.replace(/\s+/g, ' ').slice(0, 120)}\n${text}`), { level: 9 });
  let binary = '';
  for (const byte of packed) binary += String.fromCharCode(byte);
  return LESSON_PREFIX + btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Throws an {@link InputError} for what is no such link, and for one that unpacks to more than a lesson may have. */
export function decodeLesson(hash: string): LessonFile {
  const bad = (why: string) => new InputError(why, 'link', 'Ask for the link or the file once more');
  let packed: Uint8Array<ArrayBuffer>;
  try {
    const binary = atob(hash.slice(LESSON_PREFIX.length).replace(/-/g, '+').replace(/_/g, '/'));
    packed = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    throw bad('the link of this lesson is damaged');
  }
  const pieces: Uint8Array[] = [];
  let size = 0;
  const inflate = new Inflate((piece) => {
    size += piece.length;
    if (size > 4 * MOST_BYTES) throw bad('the lesson in this link is too large');
    pieces.push(piece);
  });
  try {
    // In pieces: what unpacks to too much is left before it is there.
    for (let at = 0; at < packed.length; at += 1024) inflate.push(packed.subarray(at, at + 1024), at + 1024 >= packed.length);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw bad('the link of this lesson is damaged');
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const whole = new TextDecoder().decode(bytes);
  const end = whole.indexOf('\n');
  if (end <= 0) throw bad('the link of this lesson is damaged');
  return { name: whole.slice(0, end), text: whole.slice(end + 1) };
}
