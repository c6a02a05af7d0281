/**
 * Something the user gave us cannot be used. The command line prints it as one line and ends with status 2; the
 * page shows it where the file was dropped. Every reader throws this, never a raw RangeError or TypeError.
 */
export class InputError extends Error {
  /** What is wrong, as a sentence without the place. */
  readonly what: string;
  /** The place: a file, a byte offset, a node, an instruction. Empty when there is none. */
  readonly where: string;
  /** What the user can do about it. Empty when there is nothing useful to say. */
  readonly advice: string;

  constructor(what: string, where = '', advice = '') {
    const said = oneLine(what);
    const place = oneLine(where);
    super([[place, said].filter(Boolean).join(': '), advice].filter(Boolean).join('. '));
    this.name = 'InputError';
    this.what = said;
    this.where = place;
    this.advice = advice;
  }
}

/** A part of the program did not come, as when the connection is gone, and cannot be loaded again where that was tried: a worker that throws this is ended. */
export class LoadError extends InputError {}

/** What is quoted of a file may be anything. */
const MOST_CHARACTERS = 600;

/** The beginning of a text, on one line: what would break it or turn it round is shown as a mark. */
export const oneLine = (text: string): string => text.slice(0, MOST_CHARACTERS).replace(/[\p{Cc}\u2028-\u202e]/gu, '?');
