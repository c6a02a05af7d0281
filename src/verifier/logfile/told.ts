import { CLASS_TEXTS, type ExplanationClass, NUMBER_AS_ADDRESS } from '../explain/classes.ts';
import { type RuleText, ruleOf } from '../explain/rule-texts.ts';
import { LINE, type LogColumns, lineText } from './lines.ts';
import { codeOf, type LogReason, logReason } from './reason.ts';
import { type LogStep, logStory, sourceAbove } from './story.ts';

/** A rejection as a log alone tells it. */
export interface LogTold {
  readonly reason: LogReason | null;
  readonly class: ExplanationClass | null;
  readonly title: string;
  readonly allowed: string;
  readonly why: string;
  readonly change: string;
  readonly story: readonly LogStep[];
}

const POINTER = /^(?!scalar|inv|P?-?\d|P?0x|unknown)[a-z_]+/;

/** What the lines on the way add to the message's class: as `diagnose` does with the states of our own verifier. */
function refined(cls: ExplanationClass, message: string, reason: LogReason, story: readonly LogStep[]): ExplanationClass {
  if (cls === 'uninitialised' && story.some(({ kind, name }) => kind === 'called' && name !== 'r0')) return 'clobbered';
  if (cls !== 'provenance' || !/mem access/.test(message)) return cls;
  const known = reason.known.find(({ name }) => name === reason.subject)?.text ?? '';
  if (/_or_null/.test(known) || (story.some(({ value }) => /_or_null/.test(value)) && /^P?(?:inv)?P?0$/.test(known))) return 'null-check';
  // Without a line that gave the value nothing is known of it.
  return story.length > 0 && !story.some(({ value }) => POINTER.test(value)) ? 'wrong-type' : cls;
}

/** The call that took what is not given back: the last one above the reason. */
function taking(bytes: Uint8Array, log: LogColumns, message: string, below: number): LogStep[] {
  const alloc = /Unreleased reference id=\d+ alloc_insn=(\d+)/.exec(message);
  if (!alloc) return [];
  const insn = Number(alloc[1]);
  const lines = log.visitLine.subarray(log.visitStart[insn] ?? 0, log.visitStart[insn + 1] ?? 0);
  const line = lines.findLast((at) => at < below);
  if (line === undefined || log.kind[line] !== LINE.insn) return [];
  return [
    {
      kind: 'made',
      line,
      insn,
      name: 'r0',
      value: '',
      code: codeOf(lineText(bytes, log, line)),
      taken: null,
      source: sourceAbove(bytes, log, line),
    },
  ];
}

/** Reason, rule and story of the run on show, as far as the log has them. */
export function tellLog(bytes: Uint8Array, log: LogColumns): LogTold {
  const reason = logReason(bytes, log);
  const message = log.runs[log.run]?.message ?? '';
  const rule: RuleText | null = message === '' ? null : ruleOf(message);
  const words = reason ? reason.lines.map(({ text }) => text).join('\n') : '';
  const story = reason?.insn
    ? [...taking(bytes, log, words, reason.insn.line), ...(reason.subject ? logStory(bytes, log, reason.insn.line, reason.subject) : [])]
    : [];
  const cls = rule && reason ? refined(rule.class, message, reason, story) : (rule?.class ?? null);
  // What the lines add can make another rule of it than the message names.
  const facts = cls === 'wrong-type' && rule?.class === 'provenance' ? NUMBER_AS_ADDRESS : cls ? CLASS_TEXTS[cls] : null;
  const texts = rule && cls === rule.class ? rule : facts;
  return {
    reason,
    class: cls,
    title: facts?.title ?? '',
    allowed: texts?.allowed ?? '',
    why: texts?.why ?? '',
    change: texts?.change ?? '',
    story,
  };
}
