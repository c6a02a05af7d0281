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
    const [said, place] = [oneLine(what), oneLine(where)];
    super([place ? `${place}: ${said}` : said, advice].filter(Boolean).join('. '));
    this.name = 'InputError';
    this.what = said;
    this.where = place;
    this.advice = advice;
  }
}

/** What is quoted of a file may be anything. */
const MOST_CHARACTERS = 600;
const CONTROLS = /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** A text of at most `MOST_CHARACTERS` on one line: what would break it or turn it round is shown as a mark, and of a long one its middle is left out. */
export function oneLine(text: string): string {
  const half = MOST_CHARACTERS / 2;
  const short = text.length <= MOST_CHARACTERS ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
  return CONTROLS.test(short) ? short.replace(new RegExp(CONTROLS, 'gu'), '␦') : short;
}
