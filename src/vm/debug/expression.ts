import { InputError } from '../../base/errors.ts';

/** What a condition may look at. All values are unsigned 64-bit. */
export interface Scope {
  /** r0…r10. */
  register(index: number): bigint;
  /** `size` bytes at `address`, little-endian; null where the program could not read them. */
  memory(address: bigint, size: number): bigint | null;
  /** The value of map `name` at a key, given as a little-endian number; null where there is none, undefined when there is no such map. */
  mapValue(name: string, key: bigint): Uint8Array | null | undefined;
  /** `step`, `depth`, `insn`, `hits`. */
  number(name: Name): number;
}

export const NAMES = ['step', 'depth', 'insn', 'hits'] as const;
export type Name = (typeof NAMES)[number];

export interface Expression {
  readonly text: string;
  /** True when the result depends on `hits`, which must then be counted from the beginning of the run. */
  readonly usesHits: boolean;
  /** The 64-bit value, unsigned. Throws {@link InputError} where memory cannot be read. */
  evaluate(scope: Scope): bigint;
}

type Eval = (scope: Scope) => bigint;
/** Comparisons, division and right shifts depend on the sign; a value is signed where the text says so: s(…), i8…i64, a minus. */
interface Node {
  readonly run: Eval;
  readonly signed: boolean;
}

interface Token {
  readonly kind: 'number' | 'word' | 'quoted' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

const U64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const I64 = (value: bigint): bigint => BigInt.asIntN(64, value);

const TYPES: Readonly<Record<string, { readonly size: number; readonly signed: boolean }>> = Object.fromEntries(
  [1, 2, 4, 8].flatMap((size) => [
    [`u${size * 8}`, { size, signed: false }],
    [`i${size * 8}`, { size, signed: true }],
    [`s${size * 8}`, { size, signed: true }],
  ]),
);

const SIGNS = ['<<', '>>', '<=', '>=', '==', '!=', '&&', '||', ...'+-*/%&|^~!<>()[].'];

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const space = /^\s+/.exec(rest);
    if (space) {
      at += space[0].length;
      continue;
    }
    const number = /^(0x[0-9a-fA-F]+|\d+)(?![A-Za-z_0-9])/.exec(rest);
    const word = /^[A-Za-z_][A-Za-z_0-9]*/.exec(rest);
    const quoted = /^"[^"]*"/.exec(rest);
    const sign = SIGNS.find((one) => rest.startsWith(one));
    if (number) found.push({ kind: 'number', text: number[0], at });
    else if (word) found.push({ kind: 'word', text: word[0], at });
    else if (quoted) found.push({ kind: 'quoted', text: quoted[0], at });
    else if (sign) found.push({ kind: 'sign', text: sign, at });
    else throw problem(text, at, `\`${/^\w+/.exec(rest)?.[0] ?? rest[0]}\` means nothing here`);
    at += found.at(-1)!.text.length;
  }
  found.push({ kind: 'end', text: '', at: text.length });
  return found;
}

const problem = (text: string, at: number, what: string): InputError =>
  new InputError(what, at >= text.length ? 'at the end' : `at character ${at + 1}`, '');

/** From what binds least to what binds most, as in C. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

const MOST_CHARACTERS = 1000;
const MOST_NESTED = 100;

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #nested = 0;
  usesHits = false;

  constructor(text: string) {
    if (text.length > MOST_CHARACTERS) throw new InputError(`a condition has at most ${MOST_CHARACTERS} characters`);
    this.#text = text;
    this.#tokens = tokens(text);
  }

  parse(): Node {
    const node = this.#binary(0);
    const token = this.#tokens[this.#next]!;
    if (token.kind !== 'end') throw this.#unexpected(token, 'an operator');
    return node;
  }

  #unexpected(token: Token, wanted: string): InputError {
    return problem(this.#text, token.at, token.kind === 'end' ? `${wanted} is missing` : `\`${token.text}\` stands where ${wanted} should`);
  }

  #take(text: string): boolean {
    if (this.#tokens[this.#next]!.text !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected(this.#tokens[this.#next]!, `\`${text}\``);
  }

  #binary(level: number): Node {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const { text } = this.#tokens[this.#next]!;
      if (!LEVELS[level]!.includes(text)) return left;
      this.#next++;
      left = combined(text, left, this.#binary(level + 1));
    }
  }

  #unary(): Node {
    if (++this.#nested > MOST_NESTED) throw new InputError(`a condition nests at most ${MOST_NESTED} deep`);
    try {
      if (this.#take('-')) {
        const { run } = this.#unary();
        return { run: (scope) => U64(-run(scope)), signed: true };
      }
      if (this.#take('~')) {
        const { run, signed } = this.#unary();
        return { run: (scope) => U64(~run(scope)), signed };
      }
      if (this.#take('!')) {
        const { run } = this.#unary();
        return { run: (scope) => (run(scope) === 0n ? 1n : 0n), signed: false };
      }
      if (this.#take('*')) return this.#memory();
      return this.#primary();
    } finally {
      this.#nested--;
    }
  }

  /** After `*`: `(u32 *)(r1 + 4)`, also with a further star or space as the listing writes it. */
  #memory(): Node {
    this.#expect('(');
    const type = this.#type();
    this.#expect('*');
    this.#expect(')');
    return load(this.#unary(), type);
  }

  #type(): { readonly size: number; readonly signed: boolean } {
    const token = this.#tokens[this.#next]!;
    const type = Object.hasOwn(TYPES, token.text) ? TYPES[token.text] : undefined;
    if (!type) throw this.#unexpected(token, 'a type such as `u32` or `i64`');
    this.#next++;
    return type;
  }

  #primary(): Node {
    const token = this.#tokens[this.#next]!;
    if (token.kind === 'end' || token.kind === 'sign') {
      if (!this.#take('(')) throw this.#unexpected(token, 'a value');
      const node = this.#binary(0);
      this.#expect(')');
      return node;
    }
    this.#next++;
    if (token.kind === 'number') {
      const value = BigInt(token.text);
      if (value > 0xffff_ffff_ffff_ffffn) throw problem(this.#text, token.at, `${token.text} does not fit into 64 bits`);
      return { run: () => value, signed: false };
    }
    const register = /^r(\d|10)$/.exec(token.text);
    if (register) {
      const index = Number(register[1]);
      return { run: (scope) => scope.register(index), signed: false };
    }
    const half = /^w(\d|10)$/.exec(token.text);
    if (half) {
      const index = Number(half[1]);
      return { run: (scope) => BigInt.asUintN(32, scope.register(index)), signed: false };
    }
    if ((NAMES as readonly string[]).includes(token.text)) {
      const name = token.text as Name;
      if (name === 'hits') this.usesHits = true;
      return { run: (scope) => BigInt(scope.number(name)), signed: false };
    }
    if (token.text === 's' || token.text === 'u') {
      this.#expect('(');
      const { run } = this.#binary(0);
      this.#expect(')');
      return { run, signed: token.text === 's' };
    }
    if (Object.hasOwn(TYPES, token.text)) {
      // A conversion: i32(r1).
      const { size, signed } = TYPES[token.text]!;
      this.#expect('(');
      const { run } = this.#binary(0);
      this.#expect(')');
      return { run: (scope) => extended(run(scope), size, signed), signed };
    }
    if (token.text === 'map') return this.#map(token);
    throw problem(this.#text, token.at, `\`${token.text}\` is no register, name or type`);
  }

  /**
   * `map.counts[3].u32(8)`: 4 bytes at offset 8 of the value at key 3; without `[…]` key 0, without an offset 0. A name that is no
   * word stands in quotes: `map.".bss"`.
   */
  #map(token: Token): Node {
    this.#expect('.');
    const name = this.#tokens[this.#next]!;
    if (name.kind !== 'word' && name.kind !== 'quoted') throw this.#unexpected(name, 'the name of a map');
    const mapName = name.kind === 'quoted' ? name.text.slice(1, -1) : name.text;
    this.#next++;
    let key: Eval = () => 0n;
    if (this.#take('[')) {
      key = this.#binary(0).run;
      this.#expect(']');
    }
    const value = (scope: Scope): Uint8Array | null => {
      const found = scope.mapValue(mapName, key(scope));
      if (found === undefined) throw problem(this.#text, name.at, `the program has no map \`${mapName}\``);
      return found;
    };
    // Without a type: whether there is a value.
    if (!this.#take('.')) return { run: (scope) => truth(value(scope) !== null), signed: false };
    const { size, signed } = this.#type();
    let offset: Eval = () => 0n;
    if (this.#take('(')) {
      offset = this.#binary(0).run;
      this.#expect(')');
    }
    const run: Eval = (scope) => {
      const bytes = value(scope);
      if (!bytes) throw problem(this.#text, token.at, `map \`${mapName}\` has no value at this key`);
      const at = offset(scope);
      if (at + BigInt(size) > BigInt(bytes.length)) {
        throw problem(this.#text, token.at, `values of map \`${mapName}\` have ${bytes.length} bytes`);
      }
      let number = 0n;
      for (let i = size - 1; i >= 0; i--) number = (number << 8n) | BigInt(bytes[Number(at) + i]!);
      return extended(number, size, signed);
    };
    return { run, signed };
  }
}

const extended = (value: bigint, size: number, signed: boolean): bigint =>
  signed ? U64(BigInt.asIntN(size * 8, value)) : BigInt.asUintN(size * 8, value);

function load(address: Node, { size, signed }: { readonly size: number; readonly signed: boolean }): Node {
  const run: Eval = (scope) => {
    const at = address.run(scope);
    const value = scope.memory(at, size);
    if (value === null) throw new InputError(`${size} bytes at 0x${at.toString(16)} cannot be read`);
    return extended(value, size, signed);
  };
  return { run, signed };
}

const truth = (value: boolean): bigint => (value ? 1n : 0n);

function combined(sign: string, left: Node, right: Node): Node {
  const signed = left.signed || right.signed;
  const a = left.run;
  const b = right.run;
  const read = signed ? I64 : U64;
  const plain = (run: Eval): Node => ({ run, signed: false });
  const number = (run: Eval): Node => ({ run, signed });
  switch (sign) {
    case '||':
      return plain((scope) => truth(a(scope) !== 0n || b(scope) !== 0n));
    case '&&':
      return plain((scope) => truth(a(scope) !== 0n && b(scope) !== 0n));
    case '|':
      return number((scope) => a(scope) | b(scope));
    case '^':
      return number((scope) => a(scope) ^ b(scope));
    case '&':
      return number((scope) => a(scope) & b(scope));
    case '==':
      return plain((scope) => truth(a(scope) === b(scope)));
    case '!=':
      return plain((scope) => truth(a(scope) !== b(scope)));
    case '<':
      return plain((scope) => truth(read(a(scope)) < read(b(scope))));
    case '<=':
      return plain((scope) => truth(read(a(scope)) <= read(b(scope))));
    case '>':
      return plain((scope) => truth(read(a(scope)) > read(b(scope))));
    case '>=':
      return plain((scope) => truth(read(a(scope)) >= read(b(scope))));
    case '<<':
      return { run: (scope) => U64(a(scope) << (b(scope) & 63n)), signed: left.signed };
    case '>>':
      return { run: (scope) => U64((left.signed ? I64 : U64)(a(scope)) >> (b(scope) & 63n)), signed: left.signed };
    case '+':
      return number((scope) => U64(a(scope) + b(scope)));
    case '-':
      return number((scope) => U64(a(scope) - b(scope)));
    case '*':
      return number((scope) => U64(a(scope) * b(scope)));
    default:
      // As the machine divides: by zero the quotient is 0 and the remainder the dividend (RFC 9669 section 4.1).
      return number((scope) => {
        const [x, y] = [read(a(scope)), read(b(scope))];
        if (sign === '/') return y === 0n ? 0n : U64(x / y);
        return y === 0n ? U64(x) : U64(x % y);
      });
  }
}

/** Reads a condition; throws {@link InputError}, which says where it stops making sense. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text);
  const { run } = parser.parse();
  return { text, usesHits: parser.usesHits, evaluate: run };
}
