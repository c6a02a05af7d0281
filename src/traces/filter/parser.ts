import { FilterError } from './error.ts';
import { type Token, tokens } from './lexer.ts';

export type Comparison = '==' | '!=' | '===' | '!==' | '>' | '<' | '>=' | '<=' | 'contains' | 'matches';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Part of a sequence of bytes; `end` null means to the end, negative numbers count from it. */
export interface Range {
  readonly start: number;
  readonly length: number | null;
  /** Last byte, of `[i-j]`; null in the other forms. */
  readonly last: number | null;
}

export type Value = Span &
  (
    | { readonly kind: 'word'; readonly text: string }
    | { readonly kind: 'string'; readonly text: string }
    | { readonly kind: 'char'; readonly text: string }
    | { readonly kind: 'field'; readonly name: string; readonly layer: number | null }
    | { readonly kind: 'slice'; readonly of: Value; readonly ranges: readonly Range[] }
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly Value[] }
    | { readonly kind: 'arithmetic'; readonly operator: string; readonly left: Value; readonly right: Value }
    | { readonly kind: 'negative'; readonly of: Value }
  );

export interface SetEntry {
  readonly low: Value;
  /** Null for a single value. */
  readonly high: Value | null;
}

export type Test = Span &
  (
    | { readonly kind: 'and' | 'or' | 'xor'; readonly left: Test; readonly right: Test }
    | { readonly kind: 'not'; readonly of: Test }
    | { readonly kind: 'present'; readonly of: Value }
    | {
        readonly kind: 'compare';
        readonly operator: Comparison;
        readonly quantifier: 'any' | 'all' | null;
        readonly left: Value;
        readonly right: Value;
      }
    | { readonly kind: 'in'; readonly quantifier: 'any' | 'all' | null; readonly left: Value; readonly entries: readonly SetEntry[] }
  );

const WORDS: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  xor: '^^',
  not: '!',
  eq: '==',
  any_eq: '==',
  ne: '!=',
  all_ne: '!=',
  all_eq: '===',
  any_ne: '!==',
  gt: '>',
  lt: '<',
  ge: '>=',
  le: '<=',
  contains: 'contains',
  matches: 'matches',
  in: 'in',
  bitwise_and: '&',
  bitand: '&',
};
const COMPARISONS = new Set<string>(['==', '!=', '===', '!==', '>', '<', '>=', '<=', 'contains', 'matches']);
/** Deeper than anyone writes, and far from the end of the stack. */
const MAX_DEPTH = 200;

/** Reads a display filter. Throws {@link FilterError}. */
export function parseFilter(text: string): Test {
  const parser = new Parser(tokens(text));
  const test = parser.test();
  parser.end();
  return test;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  /** The operator at the cursor, whether written as a word or as signs; empty for anything else. */
  get #operator(): string {
    const { kind, text } = this.#token;
    if (kind === 'op') return text === '~' || text === '~=' ? 'matches' : text;
    return kind === 'word' ? (WORDS[text.toLowerCase()] ?? '') : '';
  }

  #take(operator: string): boolean {
    if (this.#operator !== operator) return false;
    this.#at++;
    return true;
  }

  #expect(operator: string, what: string): void {
    if (!this.#take(operator)) throw this.#error(what);
  }

  #error(what: string): FilterError {
    const { from, to, kind } = this.#token;
    return new FilterError(kind === 'end' ? `${what}, the filter ends here` : what, from, to);
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#error(`"${this.#token.text}" was not expected here`);
  }

  test(): Test {
    return this.#chain(['||', 'or'], () => this.#chain(['^^', 'xor'], () => this.#chain(['&&', 'and'], () => this.#not())));
  }

  #chain([operator, kind]: [string, 'and' | 'or' | 'xor'] | [string, string], inner: () => Test): Test {
    let left = inner();
    while (this.#take(operator)) {
      const right = inner();
      left = { kind: kind as 'and' | 'or' | 'xor', left, right, from: left.from, to: right.to };
    }
    return left;
  }

  #not(): Test {
    if (++this.#depth > MAX_DEPTH) throw this.#error('the filter is nested too deeply');
    try {
      const { from } = this.#token;
      if (this.#take('!')) {
        const of = this.#not();
        return { kind: 'not', of, from, to: of.to };
      }
      if (this.#operator === '(') {
        this.#at++;
        const inner = this.test();
        this.#expect(')', 'a closing parenthesis is missing');
        return inner;
      }
      return this.#relation();
    } finally {
      this.#depth--;
    }
  }

  #relation(): Test {
    const { text, from } = this.#token;
    const next = this.#tokens[this.#at + 1];
    const quantifier = (text === 'any' || text === 'all') && this.#token.kind === 'word' && next?.kind === 'word' ? text : null;
    if (quantifier) this.#at++;
    const left = this.#value();
    const negated = this.#operator === '!' && WORDS[this.#tokens[this.#at + 1]?.text ?? ''] === 'in';
    if (negated) this.#at++;
    if (this.#take('in')) {
      const entries = this.#set();
      const test: Test = { kind: 'in', quantifier, left, entries, from, to: this.#tokens[this.#at - 1]!.to };
      return negated ? { kind: 'not', of: test, from, to: test.to } : test;
    }
    let test: Test | null = null;
    let last = left;
    while (COMPARISONS.has(this.#operator)) {
      const operator = this.#operator as Comparison;
      this.#at++;
      const right = this.#value();
      const one: Test = { kind: 'compare', operator, quantifier, left: last, right, from: last.from, to: right.to };
      // a < b < c
      test = test ? { kind: 'and', left: test, right: one, from, to: right.to } : one;
      last = right;
    }
    if (test) return test;
    if (this.#token.kind === 'word' && this.#operator === '') throw this.#error(`"${this.#token.text}" was not expected here`);
    return { kind: 'present', of: left, from: left.from, to: left.to };
  }

  /** Sums, then products and `&`. */
  #value(): Value {
    if (++this.#depth > MAX_DEPTH) throw this.#error('the filter is nested too deeply');
    try {
      let left = this.#product();
      while (this.#operator === '+' || this.#operator === '-') {
        const operator = this.#operator;
        this.#at++;
        const right = this.#product();
        left = { kind: 'arithmetic', operator, left, right, from: left.from, to: right.to };
      }
      return left;
    } finally {
      this.#depth--;
    }
  }

  #product(): Value {
    let left = this.#atom();
    while (['*', '/', '%', '&'].includes(this.#operator)) {
      const operator = this.#operator;
      this.#at++;
      const right = this.#atom();
      left = { kind: 'arithmetic', operator, left, right, from: left.from, to: right.to };
    }
    return left;
  }

  #atom(): Value {
    const { kind, text, from, to } = this.#token;
    if (this.#take('{')) {
      const inner = this.#value();
      this.#expect('}', 'a closing brace is missing');
      return this.#slices(inner);
    }
    if (this.#operator === '-') {
      this.#at++;
      const of = this.#atom();
      return { kind: 'negative', of, from, to: of.to };
    }
    if (kind === 'string' || kind === 'char') {
      this.#at++;
      return this.#slices({ kind, text, from, to });
    }
    if (kind !== 'word') throw this.#error(kind === 'end' ? 'a field or a value is missing' : `"${text}" is neither a field nor a value`);
    if (this.#operator !== '') throw this.#error(`"${text}" is an operator, a field or a value is missing`);
    this.#at++;
    if (this.#token.text === '(' && this.#token.kind === 'op') return this.#slices(this.#call(text, from));
    return this.#slices({ kind: 'word', text, from, to });
  }

  #call(name: string, from: number): Value {
    this.#at++;
    const args: Value[] = [];
    while (this.#operator !== ')') {
      args.push(this.#value());
      if (!this.#take(',')) break;
    }
    this.#expect(')', 'a closing parenthesis is missing');
    return { kind: 'call', name, args, from, to: this.#tokens[this.#at - 1]!.to };
  }

  /** A layer, then any number of slices. */
  #slices(of: Value): Value {
    let value = of;
    if (this.#token.kind === 'layer' && value.kind === 'word') {
      const layer = Number(this.#token.text);
      if (!Number.isInteger(layer) || layer === 0) throw this.#error('a layer is a whole number, from 1 outside or from -1 inside');
      value = { kind: 'field', name: value.text, layer, from: value.from, to: this.#token.to };
      this.#at++;
    }
    while (this.#token.kind === 'slice') {
      const { text, from, to } = this.#token;
      value = { kind: 'slice', of: value, ranges: ranges(text, from + 1, to), from: value.from, to };
      this.#at++;
    }
    return value;
  }

  #set(): SetEntry[] {
    this.#expect('{', 'a set in braces is missing');
    const entries: SetEntry[] = [];
    while (this.#operator !== '}') {
      const { kind, text, from, to } = this.#token;
      const dots = kind === 'word' ? text.indexOf('..') : -1;
      if (dots > 0 && dots + 2 < text.length) {
        this.#at++;
        const low: Value = { kind: 'word', text: text.slice(0, dots), from, to: from + dots };
        entries.push({ low, high: { kind: 'word', text: text.slice(dots + 2), from: from + dots + 2, to } });
      } else {
        const low = this.#setValue();
        const high = this.#token.text === '..' ? this.#afterDots() : null;
        entries.push({ low, high });
      }
      // Spaces alone separate too, as they did before commas.
      this.#take(',');
    }
    this.#expect('}', 'a closing brace is missing');
    if (entries.length === 0) throw this.#error('the set is empty');
    return entries;
  }

  #setValue(): Value {
    const { kind, text, from, to } = this.#token;
    // `1.. 5` and `"a".."b"` are written apart too.
    if (kind === 'word' && text.endsWith('..') && text.length > 2) {
      this.#at++;
      throw new FilterError('a range has no end', from, to);
    }
    return this.#value();
  }

  #afterDots(): Value {
    this.#at++;
    return this.#value();
  }
}

/** `i:length`, `i-last`, `i`, `:length`, `i:`, several with commas. */
function ranges(text: string, from: number, to: number): Range[] {
  return text.split(',').map((part) => {
    const one = part.trim();
    const colon = /^(-?\d+)?:(-?\d+)?$/.exec(one);
    if (colon) return { start: Number(colon[1] ?? 0), length: colon[2] === undefined ? null : Number(colon[2]), last: null };
    const dash = /^(-?\d+)-(-?\d+)$/.exec(one);
    if (dash) return { start: Number(dash[1]), length: null, last: Number(dash[2]) };
    if (/^-?\d+$/.test(one)) return { start: Number(one), length: 1, last: null };
    throw new FilterError(`"${one}" is no range of bytes: write [first:length], [first-last] or [first]`, from, to - 1);
  });
}
