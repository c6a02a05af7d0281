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
    super([where ? `${where}: ${what}` : what, advice].filter(Boolean).join('. '));
    this.name = 'InputError';
    this.what = what;
    this.where = where;
    this.advice = advice;
  }
}
