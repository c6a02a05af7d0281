import { FilterError } from './error.ts';
import { type Token, tokens } from './lexer.ts';
import { type Range, ranges } from './ranges.ts';

export type Comparison = '==' | '!=' | '===' | '!==' | '>' | '<' | '>=' | '<=' | 'contains' | 'matches';
export type Quantifier = 'any' | 'all' | null;

export interface Span {
  readonly from: number;
  readonly to: number;
}

export type Value = Span &
  (
    | { readonly kind: 'word'; readonly text: string }
    /** A value, never a field. */
    | { readonly kind: 'literal'; readonly text: string }
    | { readonly kind: 'string'; readonly bytes: Uint8Array }
    | { readonly kind: 'char'; readonly bytes: Uint8Array }
    | { readonly kind: 'field'; readonly name: string; readonly layers: readonly Range[] | null }
    | { readonly kind: 'slice'; readonly of: Value; readonly ranges: readonly Range[] }
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly Value[] }
    | { readonly kind: 'arithmetic'; readonly operator: Operator; readonly left: Value; readonly right: Value }
    | { readonly kind: 'negative'; readonly of: Value }
  );
export type Operator = '&' | '+' | '-' | '*' | '/' | '%';

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
        readonly quantifier: Quantifier;
        readonly left: Value;
        readonly right: Value;
      }
    | { readonly kind: 'in'; readonly quantifier: Quantifier; readonly left: Value; readonly entries: readonly SetEntry[] }
  );

const COMPARISONS = new Set<string>(['==', '!=', '===', '!==', '>', '<', '>=', '<=']);
/** From the loosest on. */
const ARITHMETIC: readonly (readonly string[])[] = [['&'], ['+', '-'], ['*', '/', '%']];
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

  /** The operator at the cursor; empty for anything else. */
  get #operator(): string {
    const { kind, text } = this.#token;
    return kind === 'op' ? text : '';
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
    if (this.#token.kind !== 'end') throw this.#error(`"${this.#token.text || 'this'}" was not expected here`);
  }

  test(): Test {
    return this.#chain(['||', 'or'], () => this.#chain(['^^', 'xor'], () => this.#chain(['&&', 'and'], () => this.#not())));
  }

  #chain([operator, kind]: readonly [string, 'and' | 'or' | 'xor'], inner: () => Test): Test {
    let left = inner();
    while (this.#take(operator)) {
      const right = inner();
      left = { kind, left, right, from: left.from, to: right.to };
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
    const { from } = this.#token;
    const quantifier = this.#operator === 'any' || this.#operator === 'all' ? this.#operator : null;
    if (quantifier) this.#at++;
    const left = this.#value();
    const right = this.#entityRelation(left, quantifier, from) ?? this.#comparisons(left, quantifier);
    if (right) return right;
    if (quantifier) throw this.#error(`behind "${quantifier}" comes a comparison`);
    return { kind: 'present', of: left, from, to: left.to };
  }

  /** What takes single values, not sums: `contains`, `matches` and sets. */
  #entityRelation(left: Value, quantifier: Quantifier, from: number): Test | null {
    const operator = this.#operator;
    const negated = operator === '!' && this.#tokens[this.#at + 1]?.kind === 'op' && this.#tokens[this.#at + 1]!.text === 'in';
    if (operator !== 'contains' && operator !== 'matches' && operator !== 'in' && !negated) return null;
    if (left.kind === 'arithmetic' || left.kind === 'negative') {
      throw new FilterError(`sums cannot stand before "${negated ? 'in' : operator}"`, left.from, left.to);
    }
    this.#at += negated ? 2 : 1;
    if (operator === 'contains' || operator === 'matches') {
      const right = this.#entity();
      return { kind: 'compare', operator, quantifier, left, right, from, to: right.to };
    }
    const entries = this.#set();
    const { to } = this.#tokens[this.#at - 1]!;
    // A quantifier in front of `not in` has no effect in Wireshark.
    const test: Test = { kind: 'in', quantifier: negated ? null : quantifier, left, entries, from, to };
    return negated ? { kind: 'not', of: test, from, to } : test;
  }

  /** `a < b`, and `a < b < c`, where a quantifier has no effect in Wireshark. */
  #comparisons(left: Value, quantifier: Quantifier): Test | null {
    const all: { operator: Comparison; left: Value; right: Value }[] = [];
    let last = left;
    while (COMPARISONS.has(this.#operator)) {
      const operator = this.#operator as Comparison;
      this.#at++;
      const right = this.#value();
      all.push({ operator, left: last, right });
      last = right;
    }
    const many = all.length > 1;
    const tests = all.map(
      (one): Test => ({ kind: 'compare', ...one, quantifier: many ? null : quantifier, from: one.left.from, to: one.right.to }),
    );
    return tests.reduceRight<Test | null>(
      (after, one) => (after ? { kind: 'and', left: one, right: after, from: one.from, to: after.to } : one),
      null,
    );
  }

  #value(level = 0): Value {
    if (level === ARITHMETIC.length) return this.#operand();
    if (++this.#depth > MAX_DEPTH) throw this.#error('the filter is nested too deeply');
    try {
      let left = this.#value(level + 1);
      while (ARITHMETIC[level]!.includes(this.#operator)) {
        const operator = this.#operator as Operator;
        this.#at++;
        const right = this.#value(level + 1);
        left = { kind: 'arithmetic', operator, left, right, from: left.from, to: right.to };
      }
      return left;
    } finally {
      this.#depth--;
    }
  }

  /** Something with a sign, or a sum in braces. */
  #operand(): Value {
    const { from } = this.#token;
    if (this.#take('{')) {
      const inner = this.#value();
      this.#expect('}', 'a closing brace is missing');
      return inner;
    }
    return this.#signed(from);
  }

  #signed(from: number): Value {
    if (this.#take('-')) {
      const of = this.#entity();
      return { kind: 'negative', of, from, to: of.to };
    }
    this.#take('+');
    return this.#entity();
  }

  /** A field, a value or a call, with its slices. */
  #entity(): Value {
    const { kind, text, bytes, from, to } = this.#token;
    if (kind === 'op' || kind === 'end' || kind === 'slice' || kind === 'layer') {
      throw this.#error(kind === 'op' ? `"${text}" is an operator, a field or a value is missing` : 'a field or a value is missing');
    }
    this.#at++;
    let value: Value;
    if (kind === 'string' || kind === 'char') value = { kind, bytes, from, to };
    else if (kind === 'literal') value = { kind, text, from, to };
    else if (kind === 'word' && this.#operator === '(') value = this.#call(text, from);
    else if (this.#token.kind === 'layer') {
      const layer = this.#token;
      this.#at++;
      value = { kind: 'field', name: text, layers: ranges(layer.text, layer.from + 1, layer.to), from, to: layer.to };
    } else value = kind === 'field' ? { kind, name: text, layers: null, from, to } : { kind: 'word', text, from, to };
    while (this.#token.kind === 'slice') {
      const slice = this.#token;
      value = { kind: 'slice', of: value, ranges: ranges(slice.text, slice.from + 1, slice.to), from, to: slice.to };
      this.#at++;
    }
    return value;
  }

  #call(name: string, from: number): Value {
    this.#at++;
    const args: Value[] = [];
    if (this.#operator !== ')') {
      do args.push(this.#value());
      while (this.#take(','));
    }
    this.#expect(')', 'a closing parenthesis is missing');
    return { kind: 'call', name, args, from, to: this.#tokens[this.#at - 1]!.to };
  }

  #set(): SetEntry[] {
    this.#expect('{', 'a set in braces is missing');
    const entries: SetEntry[] = [];
    do {
      const low = this.#signed(this.#token.from);
      entries.push({ low, high: this.#take('..') ? this.#signed(this.#token.from) : null });
    } while (this.#take(','));
    this.#expect('}', 'values in a set are separated by commas, and a brace closes it');
    return entries;
  }
}
