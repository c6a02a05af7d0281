import { InputError } from '../../base/errors.ts';

/** What a token is; punctuation is its own kind. */
export type TokenKind = 'word' | 'local' | 'global' | 'meta' | 'attr' | 'string' | 'bytes' | 'int' | 'float' | 'punct' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Name without its sigil, text of a string with its escapes, or the characters themselves. */
  readonly text: string;
  /** Where it ends in the text. */
  readonly at: number;
  /** It is the first of its line. */
  readonly first: boolean;
}

/**
 * One alternative for each kind, tried in this order. Names may be quoted; `!` is part of a name or number that follows it at once;
 * records of variables (`#dbg_value(…)`) end with their line and are no tokens.
 */
const TOKEN =
  /((?:\s|(?:;|#dbg_)[^\n]*(?:\n|$))*)(?:([%@])(?:"((?:[^"\\]|\\.)*)"|([\w$.-]+))|!(?:([0-9]+|[A-Za-z_$.][\w$.-]*))|#(\d+)|(c?)"([^"]*)"|(-?\d+\.\d*(?:[eE][+-]?\d+)?|0x[KLMHR]?[0-9A-Fa-f]+)|(-?\d+)(?![\w$.])|(\.\.\.|[A-Za-z_$.0-9-][\w$.-]*)|([=,()[\]{}<>*!:|+]))/y;

/** Undoes `\XX` of names and byte strings; every character of the result is a byte. */
export function unescaped(text: string): string {
  return text.replace(/\\([0-9A-Fa-f]{2}|\\)/g, (_, code: string) =>
    code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

const MAX_DEPTH = 600;
/** LLVM's `MaximumAlignment`. */
const MAX_ALIGN = 2 ** 32;

/** Tokens of a module in LLVM's textual form, one at a time with one token of look-ahead. */
export class Lexer {
  private readonly text: string;
  private next: Token;
  private depth = 0;
  private readonly pattern = new RegExp(TOKEN.source, 'y');

  constructor(text: string) {
    this.text = text;
    this.next = this.read();
  }

  peek(): Token {
    return this.next;
  }

  take(): Token {
    const token = this.next;
    if (token.kind === 'end') this.fail('more expected');
    this.next = this.read();
    return token;
  }

  /** A place to come back to with {@link reset}. */
  mark(): readonly [number, Token] {
    return [this.pattern.lastIndex, this.next];
  }

  reset([at, token]: readonly [number, Token]): void {
    this.pattern.lastIndex = at;
    this.next = token;
  }

  /** Takes the next token if it is this word or punctuation. */
  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.take();
    return true;
  }

  is(text: string): boolean {
    const { kind } = this.next;
    return this.next.text === text && (kind === 'word' || kind === 'punct');
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`"${text}" expected`);
  }

  /** A word; fails on anything else. */
  word(): string {
    if (this.next.kind !== 'word') this.fail('a word expected');
    return this.take().text;
  }

  /** Reads something that may hold more of its kind: clang nests brackets of C 256 deep at most. */
  inside<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) this.fail('nested too deep');
    const result = read();
    this.depth--;
    return result;
  }

  /** The number behind `align`: a power of two, and no larger than LLVM's own limit. */
  alignment(): number {
    const value = Number(this.next.text);
    if (!Number.isInteger(Math.log2(value)) || value < 1 || value > MAX_ALIGN)
      this.fail(`an alignment is a power of two up to ${MAX_ALIGN}`);
    this.take();
    return value;
  }

  fail(what: string): never {
    const line = this.text.slice(0, this.next.at).split('\n').length;
    throw new InputError(`${what}, not "${this.next.text || 'end of text'}"`, `LLVM IR, line ${line}`);
  }

  private read(): Token {
    const { pattern } = this;
    const from = pattern.lastIndex;
    const found = pattern.exec(this.text);
    if (!found) {
      if (
        this.text
          .slice(from)
          .replace(/;[^\n]*|#dbg_[^\n]*/g, '')
          .trim() !== ''
      ) {
        const line = this.text.slice(0, from).split('\n').length;
        throw new InputError(`unreadable text "${this.text.slice(from, from + 20).trim()}"`, `LLVM IR, line ${line}`);
      }
      return { kind: 'end', text: '', at: this.text.length, first: true };
    }
    const [, gap, sigil, quoted, plain, meta, attr, isBytes, string, float, int, word, punct] = found;
    const place = { at: pattern.lastIndex, first: from === 0 || gap!.includes('\n') };
    if (sigil !== undefined)
      return { kind: sigil === '%' ? 'local' : 'global', text: quoted === undefined ? plain! : unescaped(quoted), ...place };
    if (meta !== undefined) return { kind: 'meta', text: meta, ...place };
    if (attr !== undefined) return { kind: 'attr', text: attr, ...place };
    if (string !== undefined) return { kind: isBytes ? 'bytes' : 'string', text: unescaped(string), ...place };
    if (float !== undefined) return { kind: 'float', text: float, ...place };
    if (int !== undefined) return { kind: 'int', text: int, ...place };
    if (word !== undefined) return { kind: 'word', text: word, ...place };
    return { kind: 'punct', text: punct!, ...place };
  }
}
