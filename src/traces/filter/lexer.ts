import { FilterError } from './error.ts';

/** `word` may be a field, a function or a value; `literal` begins with a colon and is always a value; `field` began with a dot. */
export type TokenKind = 'word' | 'literal' | 'field' | 'string' | 'char' | 'op' | 'slice' | 'layer' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The word, the operator, or what stands between brackets. */
  readonly text: string;
  /** Of strings and characters: their bytes, without quotes and escapes. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

const NO_BYTES = new Uint8Array(0);
const SIGNS: readonly (readonly [sign: string, operator: string])[] = [
  ['===', '==='],
  ['!==', '!=='],
  ['==', '=='],
  ['!=', '!='],
  // Deprecated in Wireshark, and not what `~` is.
  ['~=', '!=='],
  ['>=', '>='],
  ['<=', '<='],
  ['&&', '&&'],
  ['||', '||'],
  ['^^', '^^'],
  ['..', '..'],
  ['~', 'matches'],
  ...['!', '>', '<', '&', '(', ')', '{', '}', ',', '+', '-', '*', '/', '%'].map((one) => [one, one] as const),
];
/** Operators written as words, in lower case. */
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
  any: 'any',
  all: 'all',
};
const IDENTIFIER = /^\.?[A-Za-z0-9_][\w-]*(?:\.[\w-]+)*/;
const BYTES = /^:?(?:[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2})+|(?:-[0-9A-Fa-f]{2})+|(?:\.[0-9A-Fa-f]{2})+))/;
const COLON_NUMBER = /^:[0-9A-Fa-f]+/;
const QUAD_MAC = /^[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}/;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]\\d|\\d)';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}(?:/\\d{1,2})?`);

/** Splits a display filter: at each place the longest token counts. Throws {@link FilterError} at a character that cannot be. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const add = (kind: TokenKind, value: string, from: number, bytes: Uint8Array = NO_BYTES) =>
    found.push({ kind, text: value, bytes, from, to: at });
  while (at < text.length) {
    const from = at;
    const rest = text.slice(at);
    const char = rest[0]!;
    if (char === ' ' || char === '\t' || char === '\n') at++;
    else if (char === '"' || ((char === 'r' || char === 'R') && rest[1] === '"')) {
      const raw = char !== '"';
      const value = quoted(text, at + (raw ? 2 : 1), '"', raw);
      at = value.to;
      add('string', '', from, value.bytes);
    } else if (char === "'") {
      const value = quoted(text, at + 1, "'", false);
      at = value.to;
      if (value.characters !== 1) throw new FilterError('single quotes hold one character', from, at);
      add('char', '', from, value.bytes);
    } else if (char === '[') {
      const end = text.indexOf(']', at);
      if (end < 0) throw new FilterError('a slice is not closed', from, text.length);
      at = end + 1;
      add('slice', text.slice(from + 1, end), from);
    } else if (char === '#') {
      const layer = /^#(?:\d+|\[[^\]]*\])/.exec(rest);
      if (!layer) throw new FilterError('a layer is a number behind #, or ranges of numbers in brackets', from, from + 1);
      at += layer[0].length;
      add('layer', layer[0].replace(/^#\[?|\]$/g, ''), from);
    } else {
      const word = longestWord(rest);
      const sign = SIGNS.find(([one]) => rest.startsWith(one));
      if (word.length >= (sign?.[0].length ?? 1)) {
        at += word.length;
        const operator = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
        if (operator) add('op', operator, from);
        else if (char === '.') add('field', word.slice(1), from);
        else add(char === ':' && !word.startsWith('::') ? 'literal' : 'word', word, from);
      } else if (sign) {
        at += sign[0].length;
        add('op', sign[1], from);
      } else throw new FilterError(`"${char}" cannot stand here`, from, from + 1);
    }
  }
  found.push({ kind: 'end', text: '', bytes: NO_BYTES, from: text.length, to: text.length });
  return found;
}

/** The longest name, number, address or row of bytes that the text begins with; empty without one. */
function longestWord(text: string): string {
  let longest = '';
  for (const pattern of [IDENTIFIER, BYTES, COLON_NUMBER, QUAD_MAC, IPV4]) {
    const found = pattern.exec(text)?.[0] ?? '';
    if (found.length > longest.length) longest = found;
  }
  const address = ipv6Prefix(text);
  return address.length > longest.length ? address : longest;
}

/** The longest IPv6 address, with or without a prefix, that the text begins with: eight groups, the last two of which may be an IPv4 address, have 45 characters at most. */
function ipv6Prefix(text: string): string {
  const run = /^[0-9A-Fa-f:.]{1,45}/.exec(text)?.[0] ?? '';
  if (!run.includes(':')) return '';
  for (let length = run.length; length >= 2; length--) {
    if (!isIpv6(run.slice(0, length))) continue;
    const prefix = /^\/\d{1,3}/.exec(text.slice(length))?.[0] ?? '';
    return run.slice(0, length) + prefix;
  }
  return '';
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [half, part] of halves.entries()) {
    if (part === '') continue;
    const all = part.split(':');
    for (const [at, group] of all.entries()) {
      const last = at === all.length - 1 && half === halves.length - 1;
      if (/^[0-9A-Fa-f]{1,4}$/.test(group)) groups++;
      else if (last && IPV4.exec(group)?.[0] === group) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '\\': 92, "'": 39, '"': 34 };

/** Bytes up to a quote, with the escapes of C: octal and hexadecimal ones are bytes, others and plain characters UTF-8. */
function quoted(text: string, from: number, quote: string, raw: boolean): { bytes: Uint8Array; characters: number; to: number } {
  const bytes: number[] = [];
  let characters = 0;
  let at = from;
  const wrong = (length: number) => new FilterError(`"${text.slice(at, at + length)}" is no escape`, at, at + length);
  while (at < text.length) {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    if (char === quote) return { bytes: Uint8Array.from(bytes), characters, to: at + 1 };
    characters++;
    if (char !== '\\') {
      bytes.push(...new TextEncoder().encode(char));
      at += char.length;
      continue;
    }
    const rest = text.slice(at);
    const code = /^\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    if (raw) {
      // Both characters stand for themselves.
      bytes.push(...new TextEncoder().encode(rest.slice(0, 2)));
      at += 2;
    } else if (code) {
      const [, hex, octal, short, long] = code;
      const value = hex !== undefined ? Number.parseInt(hex, 16) : Number.parseInt(octal ?? short ?? long!, octal !== undefined ? 8 : 16);
      if (octal !== undefined && value > 255) throw wrong(code[0].length);
      if (hex !== undefined || octal !== undefined) bytes.push(value);
      else {
        // What has a plainer spelling, halves of pairs and what lies beyond Unicode cannot be written so (C17 6.4.3).
        const plain = value < 0xa0 && value !== 0x24 && value !== 0x40 && value !== 0x60;
        if (plain || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) throw wrong(code[0].length);
        bytes.push(...new TextEncoder().encode(String.fromCodePoint(value)));
      }
      at += code[0].length;
    } else {
      const known = ESCAPES[rest[1] ?? ''];
      if (known === undefined) throw wrong(2);
      bytes.push(known);
      at += 2;
    }
  }
  throw new FilterError('the text is not closed', from - 1, text.length);
}
