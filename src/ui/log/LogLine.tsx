import { Fragment, memo, type ReactNode } from 'react';
import { LINE } from '../../verifier/logfile/lines.ts';
import { stateOffset } from '../../verifier/logfile/states.ts';
import { Code } from '../program/Code.tsx';
import { log as texts } from '../texts/log.ts';

/** Longer lines are cut where they are drawn: nobody reads them sideways, and browsers draw them slowly. */
export const LONGEST_DRAWN = 4000;

const INSN = /^(\s*\d+: \([0-9a-f]{2}\) )(.*)$/s;
const ROW = /^(\s*(?:\d+ +)?\d+: )([.0-9]{10})( \([0-9a-f]{2}\) )(.*)$/s;
const HEAD = /^(\s*(?:from \d+ to \d+(?: \([^)]*\))?:|\d+:)?\s*(?:frame\d+:)?\s*)(.*)$/s;
const ENTRY = /(R\d+|fp-\d+)((?:_[a-zA-Z]+)?=)/g;

/** A state: the names of registers stand out, since a line prints what changed. */
function State({ text }: { text: string }): ReactNode {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(ENTRY)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push(
      <Fragment key={match.index}>
        <b className="log-reg">{match[1]}</b>
        {match[2]}
      </Fragment>,
    );
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

function body(text: string, kind: number): ReactNode {
  switch (kind) {
    case LINE.insn: {
      const state = stateOffset(text);
      const match = INSN.exec(state < 0 ? text : text.slice(0, state));
      if (!match) return text;
      return (
        <>
          <span className="muted">{match[1]}</span>
          <Code text={match[2]!} />
          {state < 0 ? null : (
            <span className="log-state">
              <State text={text.slice(state)} />
            </span>
          )}
        </>
      );
    }
    case LINE.state:
    case LINE.path: {
      const match = HEAD.exec(text);
      return (
        <>
          <span className={kind === LINE.path ? 'log-path' : 'muted'}>{match?.[1]}</span>
          <span className="log-state">
            <State text={match?.[2] ?? text} />
          </span>
        </>
      );
    }
    case LINE.liveness: {
      const match = ROW.exec(text);
      if (!match) return text;
      return (
        <>
          {match[1]}
          <span className="log-live">{match[2]}</span>
          {match[3]}
          <Code text={match[4]!} />
        </>
      );
    }
    default:
      return text;
  }
}

const CLASSES: Readonly<Record<number, string>> = {
  [LINE.source]: 'syn-comment',
  [LINE.precision]: 'log-note',
  [LINE.liveness]: 'log-note',
  [LINE.note]: 'muted',
  [LINE.summary]: 'log-summary',
  [LINE.loader]: 'muted',
  [LINE.message]: 'log-message',
};

interface LogLineProps {
  readonly text: string;
  readonly prefix: number;
  readonly kind: number;
  /** Place of a match in characters. */
  readonly from: number;
  readonly to: number;
}

/** One line in its colours. Matches lie behind the text, placed by characters, since all are equally wide. */
export const LogLine = memo(({ text, prefix, kind, from, to }: LogLineProps) => {
  const shown = text.length > LONGEST_DRAWN ? text.slice(0, LONGEST_DRAWN) : text;
  return (
    <span className={`log-text ${CLASSES[kind] ?? ''}`}>
      {to > from && from < LONGEST_DRAWN ? <span className="log-match" style={{ left: `${from}ch`, width: `${to - from}ch` }} /> : null}
      {prefix > 0 ? <span className="log-prefix">{shown.slice(0, prefix)}</span> : null}
      {body(prefix > 0 ? shown.slice(prefix) : shown, kind)}
      {shown.length < text.length ? <span className="muted">{texts.fullLine(text.length - shown.length)}</span> : null}
    </span>
  );
});
LogLine.displayName = 'LogLine';
