/** A problem at a place of the text; `column` counts from 1. */
export class SyntaxProblem extends Error {
  readonly column: number;
  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

/** More than 64 bits have, with room for leading zeros. */
const MAX_DIGITS = 40;

export interface Token {
  readonly kind: 'ident' | 'number' | 'op' | 'end';
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

const TOKEN =
  /\s+|(s(?:>>=|\/=|%=|>=|<=|>|<)|<<=|>>=|[-+*/%&|^]=|==|!=|>=|<=|[<>=&(),*[\]+\-#@:])|(0[xX][0-9a-fA-F]+|\d+)|([A-Za-z_.$][\w.$]*|"[^"]*")/y;

/** Splits one statement; quoted names lose their quotes. */
export function tokenize(text: string, firstColumn: number): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const column = firstColumn + at;
    if (!match) throw new SyntaxProblem(`unexpected ${JSON.stringify(text[at])}`, column);
    at += match[0].length;
    if (match[1]) tokens.push({ kind: 'op', text: match[1], column });
    else if (match[2]) tokens.push({ kind: 'number', text: match[2], column });
    else if (match[3]) tokens.push({ kind: 'ident', text: match[3].replaceAll('"', ''), column });
  }
  tokens.push({ kind: 'end', text: '', column: firstColumn + text.trimEnd().length });
  return tokens;
}

/** Reads tokens one after another; every complaint names the column of the token it is about. */
export class TokenReader {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)]!;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  /** Takes the next token if it reads `text`. */
  accept(text: string): boolean {
    if (this.peek().kind === 'end' || this.peek().text !== text) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected ${JSON.stringify(text)}`);
  }

  /** Complains about the next token. */
  fail(message: string): never {
    const token = this.peek();
    throw new SyntaxProblem(
      token.kind === 'end' ? `${message} at the end of the line` : `${message}, found ${JSON.stringify(token.text)}`,
      token.column,
    );
  }

  end(): void {
    if (this.peek().kind !== 'end') this.fail('expected nothing more');
  }

  /** A number with any run of signs in front: `-5`, `+0x10`, `+ -5`. */
  integer(): bigint {
    let sign = 1n;
    while (this.peek().text === '+' || this.peek().text === '-') if (this.next().text === '-') sign = -sign;
    const token = this.peek();
    if (token.kind !== 'number') this.fail('expected a number');
    if (token.text.length > MAX_DIGITS) throw new SyntaxProblem(`a number of ${token.text.length} digits fits nowhere`, token.column);
    this.at++;
    return sign * BigInt(token.text);
  }

  /** An integer between `min` and `max`. */
  integerWithin(min: bigint, max: bigint, what: string): number {
    const { column } = this.peek();
    const value = this.integer();
    if (value < min || value > max) throw new SyntaxProblem(`${what} ${value} is outside ${min}…${max}`, column);
    return Number(value);
  }
}
