import { FilterError } from './error.ts';

export type TokenKind = 'word' | 'string' | 'char' | 'op' | 'slice' | 'layer' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The word, the operator, the string without quotes and escapes, or what stands between brackets. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const OPERATORS = [
  '===',
  '!==',
  '==',
  '!=',
  '>=',
  '<=',
  '&&',
  '||',
  '^^',
  '~=',
  '!',
  '>',
  '<',
  '~',
  '&',
  '(',
  ')',
  '{',
  '}',
  ',',
  '+',
  '-',
  '*',
  '/',
  '%',
];
/** Characters of names, numbers, addresses and dates. */
const WORD = /[\w.:\u0080-\uffff]/;
/** Also within a word, though an operator when it stands alone. */
const WITHIN = /[\w.:/\-\u0080-\uffff]/;

/** Splits a display filter. Throws {@link FilterError} at a character that cannot be. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const add = (kind: TokenKind, value: string, from: number) => found.push({ kind, text: value, from, to: at });
  while (at < text.length) {
    const from = at;
    const char = text[at]!;
    if (/\s/.test(char)) at++;
    else if (char === '"' || ((char === 'r' || char === 'R') && text[at + 1] === '"')) {
      const raw = char !== '"';
      at += raw ? 2 : 1;
      const value = quoted(text, at, '"', raw);
      at = value.to;
      add('string', value.text, from);
    } else if (char === "'") {
      const value = quoted(text, at + 1, "'", false);
      at = value.to;
      add('char', value.text, from);
    } else if (char === '[') {
      const end = text.indexOf(']', at);
      if (end < 0) throw new FilterError('a slice is not closed', from, text.length);
      at = end + 1;
      add('slice', text.slice(from + 1, end), from);
    } else if (char === '#') {
      const layer = /^#(?:-?\d+|\[[^\]]*\])/.exec(text.slice(at));
      if (!layer) throw new FilterError('a layer is a number behind #', from, from + 1);
      at += layer[0].length;
      add('layer', layer[0].slice(1).replace(/[[\]]/g, ''), from);
    } else if (WORD.test(char) || (char === '-' && /\d/.test(text[at + 1] ?? '') && !endsValue(found.at(-1)))) {
      at++;
      while (at < text.length && WITHIN.test(text[at]!)) at++;
      add('word', text.slice(from, at), from);
    } else {
      const operator = OPERATORS.find((one) => text.startsWith(one, at));
      if (!operator) throw new FilterError(`"${char}" cannot stand here`, from, from + 1);
      at += operator.length;
      add('op', operator, from);
    }
  }
  found.push({ kind: 'end', text: '', from: text.length, to: text.length });
  return found;
}

const endsValue = (token: Token | undefined): boolean =>
  token?.kind === 'word' || token?.kind === 'slice' || token?.text === '}' || token?.text === ')';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** Text up to a quote, with the escapes of C: octal and hexadecimal ones are bytes. */
function quoted(text: string, from: number, quote: string, raw: boolean): { text: string; to: number } {
  let value = '';
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (char === quote) return { text: value, to: at + 1 };
    if (char !== '\\') {
      value += char;
      continue;
    }
    const rest = text.slice(at + 1);
    if (raw) {
      value += rest[0] === quote ? quote : `\\${rest[0] ?? ''}`;
      at++;
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3}))/.exec(rest);
    if (code) {
      value += String.fromCharCode(code[1] !== undefined ? Number.parseInt(code[1], 16) : Number.parseInt(code[2]!, 8) & 0xff);
      at += code[0].length;
    } else {
      value += ESCAPES[rest[0] ?? ''] ?? rest[0] ?? '';
      at++;
    }
  }
  throw new FilterError('the text is not closed', from - 1, text.length);
}
