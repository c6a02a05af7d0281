import { FilterError } from './error.ts';

// Regular expressions that take time in proportion to text × pattern, whatever both are: a pattern becomes a machine whose states are
// all followed at once (Thompson, 1968). Back references and look-around need more than that, and are refused.

type Instruction =
  | { readonly op: 'set'; readonly has: Uint8Array }
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'start' | 'end' | 'word' | 'noword' | 'match' };

/** More instructions than this has no pattern that a person writes. */
const MAX_PROGRAM = 4000;
const MAX_REPEAT = 250;

/** A pattern of Perl's kind over bytes, whose characters are bytes too; letters match in both cases, as in display filters. */
export class SafeRegex {
  readonly #program: Instruction[] = [];

  /** Throws {@link FilterError} at `offset` + the place in the pattern. */
  constructor(pattern: string, offset = 0) {
    new Compiler(pattern, offset, this.#program).compile();
  }

  test(bytes: Uint8Array): boolean {
    const program = this.#program;
    const marks = new Int32Array(program.length).fill(-1);
    let states: number[] = [];
    let next: number[] = [];
    const stack: number[] = [];
    let matched = false;
    const follow = (into: number[], from: number, at: number): void => {
      stack.push(from);
      while (stack.length > 0) {
        const pc = stack.pop()!;
        if (marks[pc] === at) continue;
        marks[pc] = at;
        const one = program[pc]!;
        if (one.op === 'jump') stack.push(one.to);
        else if (one.op === 'split') stack.push(one.second, one.first);
        else if (one.op === 'match') matched = true;
        else if (one.op === 'set') into.push(pc);
        else if (holds(one.op, bytes, at)) stack.push(pc + 1);
      }
    };
    for (let at = 0; at <= bytes.length; at++) {
      // A match may begin anywhere.
      follow(states, 0, at);
      if (matched) return true;
      if (at === bytes.length) break;
      next = [];
      const byte = bytes[at]!;
      for (const pc of states) {
        const one = program[pc]!;
        if (one.op === 'set' && one.has[byte] === 1) follow(next, pc + 1, at + 1);
      }
      if (matched) return true;
      states = next;
    }
    return false;
  }
}

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95);

function holds(op: 'start' | 'end' | 'word' | 'noword', bytes: Uint8Array, at: number): boolean {
  if (op === 'start') return at === 0;
  // Before a last line feed too, as Perl has it.
  if (op === 'end') return at === bytes.length || (at === bytes.length - 1 && bytes[at] === 10);
  const edge = isWord(bytes[at - 1]) !== isWord(bytes[at]);
  return op === 'word' ? edge : !edge;
}

class Compiler {
  readonly #pattern: string;
  readonly #offset: number;
  readonly #program: Instruction[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string, offset: number, program: Instruction[]) {
    this.#pattern = pattern;
    this.#offset = offset;
    this.#program = program;
  }

  compile(): void {
    if (this.#pattern.startsWith('(?i)')) this.#at = 4;
    this.#alternatives();
    if (this.#at < this.#pattern.length) throw this.#error('a parenthesis closes that was not opened');
    this.#emit({ op: 'match' });
  }

  #error(what: string): FilterError {
    return new FilterError(what, this.#offset + this.#at, this.#offset + this.#at + 1);
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= MAX_PROGRAM) throw this.#error('the pattern is too large');
    this.#program.push(instruction);
    return this.#program.length - 1;
  }

  #alternatives(): void {
    if (++this.#depth > 100) throw this.#error('the pattern is nested too deeply');
    const ends: { to: number }[] = [];
    for (;;) {
      const from = this.#program.length;
      this.#sequence();
      if (this.#pattern[this.#at] !== '|') break;
      this.#at++;
      this.#insert(from, { op: 'split', first: from + 1, second: this.#program.length + 2 });
      const end = { op: 'jump' as const, to: 0 };
      this.#emit(end);
      ends.push(end);
    }
    for (const end of ends) end.to = this.#program.length;
    this.#depth--;
  }

  #sequence(): void {
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== '|' && this.#pattern[this.#at] !== ')') {
      const from = this.#program.length;
      this.#atom();
      this.#repeat(from);
    }
  }

  /** Puts an instruction in front of those from `at` on, and moves what they jump to. */
  #insert(at: number, instruction: Instruction): void {
    this.#emit(instruction);
    this.#program.pop();
    for (const one of this.#program.slice(at)) shift(one, at, 1);
    this.#program.splice(at, 0, instruction);
  }

  #repeat(from: number): void {
    const rest = this.#pattern.slice(this.#at);
    const counted = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest);
    const sign = rest[0];
    let low = 1;
    let high = 1;
    if (counted) {
      low = Number(counted[1]);
      high = counted[2] === undefined ? low : counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3]);
      if (low > MAX_REPEAT || (Number.isFinite(high) && high > MAX_REPEAT)) throw this.#error(`more than ${MAX_REPEAT} repetitions`);
      if (high < low) throw this.#error('the repetitions end before they begin');
      this.#at += counted[0].length;
    } else if (sign === '*' || sign === '+' || sign === '?') {
      this.#at++;
      low = sign === '+' ? 1 : 0;
      high = sign === '?' ? 1 : Number.POSITIVE_INFINITY;
    } else return;
    // Whether it matches does not depend on greed.
    if (this.#pattern[this.#at] === '?' || this.#pattern[this.#at] === '+') this.#at++;
    this.#copies(from, low, high);
  }

  #copies(from: number, low: number, high: number): void {
    const body = this.#program.splice(from);
    const add = () => {
      const start = this.#program.length;
      for (const one of body) {
        const copy = { ...one };
        shift(copy, -1, start - from);
        this.#emit(copy);
      }
    };
    for (let i = 0; i < low; i++) add();
    if (high === Number.POSITIVE_INFINITY) {
      const split = this.#emit({ op: 'split', first: this.#program.length + 1, second: 0 });
      add();
      this.#emit({ op: 'jump', to: split });
      (this.#program[split] as { second: number }).second = this.#program.length;
      return;
    }
    const splits: number[] = [];
    for (let i = low; i < high; i++) {
      splits.push(this.#emit({ op: 'split', first: this.#program.length + 1, second: 0 }));
      add();
    }
    for (const split of splits) (this.#program[split] as { second: number }).second = this.#program.length;
  }

  #atom(): void {
    const char = this.#pattern[this.#at]!;
    if (char === '(') {
      const group = /^\((\?:|\?i\)|\?)?/.exec(this.#pattern.slice(this.#at))![0];
      if (group === '(?') throw this.#error('look-around and named groups are not supported');
      this.#at += group.length;
      if (group === '(?i)') return;
      this.#alternatives();
      if (this.#pattern[this.#at] !== ')') throw this.#error('a parenthesis is not closed');
      this.#at++;
      return;
    }
    if (char === '*' || char === '+' || char === '?') throw this.#error(`nothing stands before "${char}"`);
    this.#at++;
    if (char === '^') this.#emit({ op: 'start' });
    else if (char === '$') this.#emit({ op: 'end' });
    else if (char === '.') this.#emit({ op: 'set', has: setOf((byte) => byte !== 10) });
    else if (char === '[') this.#emit({ op: 'set', has: this.#set() });
    else if (char !== '\\') this.#literal(char);
    else this.#escape();
  }

  #literal(char: string): void {
    this.#emit({ op: 'set', has: bothCases(char.charCodeAt(0)) });
  }

  #escape(): void {
    const char = this.#pattern[this.#at];
    if (char === undefined) throw this.#error('the pattern ends with a backslash');
    if (/[1-9]/.test(char)) throw this.#error('references to groups are not supported');
    if (char === 'b' || char === 'B') {
      this.#at++;
      this.#emit({ op: char === 'b' ? 'word' : 'noword' });
      return;
    }
    if (char === 'A' || char === 'z' || char === 'Z') {
      this.#at++;
      this.#emit({ op: char === 'A' ? 'start' : 'end' });
      return;
    }
    const has = new Uint8Array(256);
    this.#escaped(has);
    this.#emit({ op: 'set', has });
  }

  /** A class such as `\d`, or one byte; adds it to `has` and returns the byte, -1 for a class. */
  #escaped(has: Uint8Array): number {
    const char = this.#pattern[this.#at++]!;
    const known = CLASSES[char.toLowerCase()];
    if (known) {
      const negated = char !== char.toLowerCase();
      for (let byte = 0; byte < 256; byte++) if (known(byte) !== negated) has[byte] = 1;
      return -1;
    }
    const hex = char === 'x' ? /^[0-9a-fA-F]{1,2}/.exec(this.#pattern.slice(this.#at)) : null;
    if (hex) this.#at += hex[0].length;
    const byte = hex ? Number.parseInt(hex[0], 16) : (CONTROLS[char] ?? char.charCodeAt(0));
    if (byte > 255 || (/[a-zA-Z]/.test(char) && !hex && CONTROLS[char] === undefined)) throw this.#error(`\\${char} is not supported`);
    for (const [one, on] of bothCases(byte).entries()) if (on) has[one] = 1;
    return byte;
  }

  #set(): Uint8Array {
    const has = new Uint8Array(256);
    const negated = this.#pattern[this.#at] === '^';
    if (negated) this.#at++;
    for (let first = true; ; first = false) {
      const char = this.#pattern[this.#at];
      if (char === undefined) throw this.#error('a set is not closed');
      if (char === ']' && !first) break;
      const named = /^\[:(\w+):\]/.exec(this.#pattern.slice(this.#at));
      if (named) {
        const known = POSIX[named[1]!];
        if (!known) throw this.#error(`there is no class ${named[1]}`);
        for (let byte = 0; byte < 256; byte++) if (known(byte)) has[byte] = 1;
        this.#at += named[0].length;
        continue;
      }
      const low = this.#member(has);
      if (low < 0 || this.#pattern[this.#at] !== '-' || this.#pattern[this.#at + 1] === ']') continue;
      this.#at++;
      const high = this.#member(has);
      if (high < low) throw this.#error('a range ends before it begins');
      for (let byte = low; byte <= high; byte++) for (const [one, on] of bothCases(byte).entries()) if (on) has[one] = 1;
    }
    this.#at++;
    return negated ? has.map((on) => 1 - on) : has;
  }

  #member(has: Uint8Array): number {
    const char = this.#pattern[this.#at++]!;
    if (char === '\\') {
      if (this.#at >= this.#pattern.length) throw this.#error('a set is not closed');
      return this.#escaped(has);
    }
    const byte = char.charCodeAt(0);
    if (byte > 255) throw this.#error('sets hold bytes');
    for (const [one, on] of bothCases(byte).entries()) if (on) has[one] = 1;
    return byte;
  }
}

function shift(one: Instruction, above: number, by: number): void {
  if (one.op === 'jump' && one.to > above) one.to += by;
  if (one.op === 'split') {
    if (one.first > above) one.first += by;
    if (one.second > above) one.second += by;
  }
}

function setOf(has: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0));
}

function bothCases(byte: number): Uint8Array {
  const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
  return setOf((one) => (one >= 65 && one <= 90 ? one + 32 : one) === lower);
}

const digit = (byte: number): boolean => byte >= 48 && byte <= 57;
const letter = (byte: number): boolean => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
const space = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const CLASSES: Readonly<Record<string, (byte: number) => boolean>> = { d: digit, w: isWord, s: space };
const POSIX: Readonly<Record<string, (byte: number) => boolean>> = {
  digit,
  alpha: letter,
  alnum: (byte) => digit(byte) || letter(byte),
  space,
  word: isWord,
  upper: letter,
  lower: letter,
  xdigit: (byte) => digit(byte) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102),
  punct: (byte) => byte > 32 && byte < 127 && !digit(byte) && !letter(byte),
  print: (byte) => byte >= 32 && byte < 127,
  cntrl: (byte) => byte < 32 || byte === 127,
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7, e: 27, '0': 0 };
