import { beforeComment, LINE, type LogColumns, lineText } from './lines.ts';
import { type LogReport, logReport } from './report.ts';
import { logStateAt } from './states.ts';

/** Most lines of a reason. */
const MOST_LINES = 40;

export interface LogReason {
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  readonly insn: { readonly line: number; readonly text: string } | null;
  readonly source: { readonly line: number; readonly text: string } | null;
  /** Registers that the reason names, as the log knows them. */
  readonly known: readonly { readonly name: string; readonly text: string }[];
  /** Register that the story is told of; '' where the reason names none. */
  readonly subject: string;
  /** What Linux 7.3 and later say of it besides. */
  readonly report: LogReport | null;
}

/** Registers and slots that a text of the verifier names: `R3`, the register of an argument, a slot by its offset. */
function namesIn(text: string): string[] {
  const names = [...text.matchAll(/\bR(\d+)\b/g)].map((match) => `r${match[1]}`);
  const argument = /\barg#(\d)\b|passed to trusted arg(\d)/.exec(text);
  if (argument) names.unshift(`r${Number(argument[1] ?? argument[2]) + 1}`);
  const slot = /invalid (?:indirect )?read from stack (?:R\d+ )?off (-\d+)(?:\+(\d+))?/.exec(text);
  if (slot) names.unshift(`fp${Math.floor((Number(slot[1]) + Number(slot[2] ?? 0)) / 8) * 8}`);
  return names;
}

/** What the log says about the rejection: its words, the instruction and source line before them, the registers they name. */
export function logReason(bytes: Uint8Array, log: LogColumns): LogReason | null {
  const run = log.runs[log.run];
  if (!run || run.messageLine < 0) return null;
  const lines: { line: number; text: string }[] = [];
  let at = run.messageLine;
  while (at > run.from && log.kind[at - 1] === LINE.message && lines.length < MOST_LINES) at--;
  for (; at < run.to && lines.length < MOST_LINES; at++) {
    if (log.kind[at] !== LINE.message && at !== run.messageLine) break;
    lines.push({ line: at, text: lineText(bytes, log, at).replace(/processed \d+ insns \(limit.*$/, '') });
  }
  const first = lines[0]!.line;
  let insnLine = first - 1;
  while (insnLine >= run.from && log.kind[insnLine] !== LINE.insn) insnLine--;
  let sourceLine = insnLine - 1;
  while (sourceLine >= run.from && insnLine - sourceLine < 200 && log.kind[sourceLine] !== LINE.source) sourceLine--;
  const shown = (line: number, kind: number) =>
    line >= run.from && log.kind[line] === kind ? { line, text: lineText(bytes, log, line).trim() } : null;
  const message = lines.find(({ line }) => line === run.messageLine)?.text ?? '';
  const all = [message, ...lines.map(({ text }) => text)];
  const report = logReport(bytes, log);
  if (report) all.push(report.at?.text ?? '', report.reason);
  const names = [...new Set(all.flatMap(namesIn))];
  const state = insnLine >= run.from ? logStateAt(bytes, log, insnLine) : null;
  return {
    lines,
    insn: shown(insnLine, LINE.insn),
    source: shown(sourceLine, LINE.source),
    known: state?.rows.filter(({ name }) => names.includes(name)) ?? [],
    subject: names[0] ?? '',
    report,
  };
}

/** An instruction's line without its number, opcode and state. */
export const codeOf = (text: string): string => beforeComment(text.replace(/^\s*\d+: (?:[.0-9]{10} )?\([0-9a-f]{2}\) /, ''));
