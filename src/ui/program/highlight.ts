/** Kinds of token in a line of kernel assembly; each has one colour in listing and editor. */
export type TokenKind = 'plain' | 'op' | 'reg' | 'num' | 'mem' | 'call' | 'comment';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const PATTERN =
  /(?<comment>;.*$)|(?<mem>\*\([us](?:8|16|32|64) \*\))|(?<call>\bcall [\w-]+(?:#-?\d+)?|\bmap\[[^\]]*\](?:\[[^\]]*\])?)|(?<op>\b(?:if|goto|gotol|may_goto|exit|lock|callx|load_acquire|store_release|atomic(?:64)?_\w+)\b)|(?<reg>\b[rw](?:10|[0-9])\b)|(?<num>[+-]?\b(?:0x[0-9a-f]+|\d+)\b)/gi;

/** Splits a line of disassembly into coloured tokens. */
export function highlight(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index > at) tokens.push({ kind: 'plain', text: text.slice(at, match.index) });
    const [kind] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? ['plain'];
    tokens.push({ kind: kind as TokenKind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < text.length) tokens.push({ kind: 'plain', text: text.slice(at) });
  return tokens;
}
