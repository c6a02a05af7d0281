import { Fragment } from 'react';
import { highlight, type Token } from '../program/highlight.ts';

export type SourceKind = 'bpf' | 'c' | 'plain';

const C =
  /(?<comment>\/\/.*$|\/\*.*?\*\/)|(?<mem>"(?:[^"\\]|\\.)*"|<[\w/.]+>)|(?<op>\b(?:if|else|for|while|do|return|switch|case|break|continue|static|const|struct|sizeof|inline|volatile|int|char|long|short|unsigned|signed|void|__u8|__u16|__u32|__u64|__s8|__s16|__s32|__s64|SEC)\b|^\s*#\s*\w+)|(?<call>\b\w+(?=\())|(?<num>\b(?:0x[\da-fA-F]+|\d+)[uUlL]*\b)/g;

function tokensOfC(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(C)) {
    if (match.index > at) tokens.push({ kind: 'plain', text: text.slice(at, match.index) });
    const [kind] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? ['plain'];
    tokens.push({ kind: kind as Token['kind'], text: match[0] });
    at = match.index + match[0].length;
  }
  tokens.push({ kind: 'plain', text: text.slice(at) });
  return tokens;
}

/** Lines above this length, and texts above it, keep one colour. */
const MOST_COLOURED = 20_000;

/** Coloured lines of a program. */
export function Coloured({ text, kind }: { text: string; kind: SourceKind }) {
  if (kind === 'plain' || text.length > MOST_COLOURED) return text;
  const tokens = kind === 'c' ? tokensOfC : highlight;
  return text.split('\n').map((line, at) => (
    <Fragment key={at}>
      {at > 0 ? '\n' : null}
      {tokens(line).map((token, place) =>
        token.kind === 'plain' ? (
          token.text
        ) : (
          <span key={place} className={`src-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </Fragment>
  ));
}

/** A program in a lesson's text. */
export function Source({ text, kind }: { text: string; kind: SourceKind }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, with the keyboard too
    <pre className="lesson-code mono" tabIndex={0}>
      <Coloured text={text} kind={kind} />
    </pre>
  );
}
