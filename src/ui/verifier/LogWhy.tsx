import { useMemo } from 'react';
import { LINE, lineText } from '../../verifier/logfile/lines.ts';
import { logStateAt } from '../../verifier/logfile/states.ts';
import { type LogView, runOf } from '../../workbench/log-views.ts';
import { select } from '../../workbench/store.ts';
import { setCursor } from '../log/log-store.ts';
import { Code } from '../program/Code.tsx';
import { verifier as texts } from '../texts/verifier.ts';

/** Most lines of a reason: the 7.3 kernel writes a block. */
const MOST_LINES = 40;

interface Reason {
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  readonly insn: { readonly line: number; readonly text: string } | null;
  readonly source: { readonly line: number; readonly text: string } | null;
  /** Registers that the reason names, as the log knows them. */
  readonly known: readonly { readonly name: string; readonly text: string }[];
}

/** What the log says about the rejection: its words, the instruction and source line before them, the registers they name. */
function reasonOf(log: LogView): Reason | null {
  const run = runOf(log);
  if (run.messageLine < 0) return null;
  const lines: { line: number; text: string }[] = [];
  let at = run.messageLine;
  while (at > run.from && log.kind[at - 1] === LINE.message && lines.length < MOST_LINES) at--;
  for (; at < run.to && lines.length < MOST_LINES; at++) {
    if (log.kind[at] !== LINE.message && at !== run.messageLine) break;
    lines.push({ line: at, text: lineText(log.bytes, log, at).replace(/processed \d+ insns \(limit.*$/, '') });
  }
  const first = lines[0]!.line;
  let insnLine = first - 1;
  while (insnLine >= run.from && log.kind[insnLine] !== LINE.insn) insnLine--;
  let sourceLine = insnLine - 1;
  while (sourceLine >= run.from && insnLine - sourceLine < 200 && log.kind[sourceLine] !== LINE.source) sourceLine--;
  const shown = (line: number, kind: number) =>
    line >= run.from && log.kind[line] === kind ? { line, text: lineText(log.bytes, log, line).trim() } : null;
  const named = new Set(lines.flatMap(({ text }) => [...text.matchAll(/\bR(\d+)\b/g)].map((match) => `r${match[1]}`)));
  const state = insnLine >= run.from ? logStateAt(log.bytes, log, insnLine) : null;
  return {
    lines,
    insn: shown(insnLine, LINE.insn),
    source: shown(sourceLine, LINE.source),
    known: state?.rows.filter(({ name }) => named.has(name)) ?? [],
  };
}

/** A rejection in the words of the log. */
export function LogWhy({ log }: { log: LogView }) {
  const reason = useMemo(() => reasonOf(log), [log]);
  const run = runOf(log);
  const go = (line: number) => {
    setCursor(log.key, line);
    const insn = log.insn[line] ?? -1;
    if (insn >= 0) select('insn', insn);
  };
  const step = (role: string, line: number, text: string, code: boolean) => (
    <li key={line}>
      <button type="button" className={`why-step ${code ? 'fault' : 'lost'}`} onClick={() => go(line)}>
        <span className="why-role">{role}</span>
        <span className="mono">{code ? <Code text={text} /> : text}</span>
      </button>
    </li>
  );
  return (
    <div className="why" data-testid="log-why">
      {reason ? (
        <>
          <h2>{texts.log.says}</h2>
          <ol className="why-story">
            {reason.source ? step(texts.log.line(reason.source.line), reason.source.line, reason.source.text, false) : null}
            {reason.insn ? step(texts.log.line(reason.insn.line), reason.insn.line, reason.insn.text, true) : null}
            {reason.lines.map(({ line, text }) => step(texts.log.line(line), line, text, false))}
          </ol>
          {reason.known.length > 0 ? (
            <dl className="why-facts">
              {reason.known.map(({ name, text }) => (
                <div key={name} className="why-fact">
                  <dt className="mono">{name}</dt>
                  <dd className="mono">{text}</dd>
                </div>
              ))}
            </dl>
          ) : null}
        </>
      ) : (
        <p>{run.verdict === 'unknown' ? texts.log.unknown(run.complete) : texts.log.accepted}</p>
      )}
      <p className="muted">{texts.log.notVerified}</p>
    </div>
  );
}
