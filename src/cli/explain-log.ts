import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { VerifyOptions } from '../verifier/api.ts';
import { explain } from '../verifier/explain/explain.ts';
import { explanationText } from '../verifier/explain/text.ts';
import { type Beside, verifyBeside } from '../verifier/logfile/beside.ts';
import type { LogColumns } from '../verifier/logfile/lines.ts';
import { readLog } from '../verifier/logfile/reader.ts';
import { codeOf } from '../verifier/logfile/reason.ts';
import { logSample, looksLikeListing, looksLikeLog } from '../verifier/logfile/recognise.ts';
import type { LogReport, ReportPlace } from '../verifier/logfile/report.ts';
import { type LogTold, tellLog } from '../verifier/logfile/told.ts';
import { explanationRow } from './explanation-row.ts';
import { print, printJson } from './io.ts';

export interface ExplainLogOptions {
  readonly json: boolean;
  /** The programs of the file that stands beside the log; the log's own is taken by its name. */
  readonly programs: readonly Program[];
  readonly name: string | undefined;
  /** The path of that file. */
  readonly beside: string;
  readonly options: VerifyOptions;
}

/** A log: the rule behind its message, and the lines by which the register at fault got its value; with its program, our verifier beside it. */
export function explainLog(input: Uint8Array, path: string, { json, programs, name, beside, options }: ExplainLogOptions): 0 | 1 {
  const sample = logSample(input);
  const { bytes, columns } = readLog(Uint8Array.from(input), path);
  const run = columns.runs[columns.run];
  const isLog = looksLikeLog(sample) || looksLikeListing(sample);
  if (!run || !isLog || (run.insnLines === 0 && run.message === null && !run.complete))
    throw new InputError('it is no object and no assembly (.s), and no verifier log that shows instructions or a reason', path);
  const program = beside === '' ? null : programOf(programs, name ?? run.program, beside);
  const side = program && verifyBeside(bytes, columns, program, options);
  const found = program && side && !side.result.accepted ? explain(program, side.result, { verify: options }) : null;
  const log = tellLog(bytes, columns);
  const { reason, story } = log;
  if (json) {
    const told = log.class && { class: log.class, title: log.title, allowed: log.allowed, why: log.why, change: log.change };
    printJson({
      log: {
        verdict: run.verdict,
        message: run.message,
        insn: run.insnIdx,
        whole: run.complete && run.gaps === 0,
        subject: reason?.subject ?? '',
        known: reason?.known.map(({ name: of, text }) => ({ name: of, text })) ?? [],
        ...told,
        story,
        report: reason?.report ?? null,
      },
      ...(side ? { beside: besideRow(side), explanation: found && explanationRow(found) } : {}),
    });
  } else {
    print(logText(columns, log));
    if (side) print(`\n${besideText(side)}`);
    if (found) print(`\nThe program, explained by our verifier:\n\n${explanationText(found)}`);
    if (!side && reason) print('\nRead from the log alone: give the object or the assembly (--with FILE) for edits.\n');
  }
  return run.verdict === 'accepted' ? 0 : 1;
}

function programOf(programs: readonly Program[], name: string, path: string): Program {
  const found = programs.find((program) => program.name === name) ?? (programs.length === 1 ? programs[0] : undefined);
  if (found) return found;
  const names = programs.map((program) => program.name).join(', ');
  throw new InputError(
    name === '' ? 'it has several programs, and the log does not name its own' : `it has no program ${name}`,
    path,
    `Choose with --program: ${names}`,
  );
}

const besideRow = ({ level, same, values, difference, result }: Beside): object => ({
  level,
  accepted: result.accepted,
  message: result.message,
  linesAlike: same,
  values,
  difference: difference && {
    what: difference.what,
    theirs: difference.theirs && { line: difference.theirs.line + 1, text: difference.theirs.text },
    ours: difference.ours && { line: difference.ours.line + 1, text: difference.ours.text },
  },
});

const DIFFERENCES = {
  code: 'the instruction is another one: the log may be of another build of the program',
  path: 'the way through the program is another one',
  state: 'what is known of the registers is not the same',
  reason: 'the reason is not the same',
  end: 'one log ends before the other',
} as const;

function besideText({ same, values, difference, result, level }: Beside): string {
  const verdict = result.accepted ? 'accepts the program' : `rejects it: ${result.message}`;
  const lines = [`Our verifier beside the log (level ${level}): it ${verdict}.`];
  if (!values) lines.push('Values are written in another way there, so only instructions, paths and reasons are compared.');
  if (!difference) return `${lines.join('\n')}\nNo difference in ${same.toLocaleString('en')} lines.\n`;
  lines.push(`First difference, after ${same.toLocaleString('en')} lines alike: ${DIFFERENCES[difference.what]}.`);
  lines.push(`  the log  ${difference.theirs ? `line ${difference.theirs.line + 1}: ${difference.theirs.text.trim()}` : 'has ended'}`);
  lines.push(`  ours     ${difference.ours ? `line ${difference.ours.line + 1}: ${difference.ours.text.trim()}` : 'has ended'}`);
  return `${lines.join('\n')}\n`;
}

function logText(columns: LogColumns, { reason, story, title, allowed, why, change }: LogTold): string {
  const run = columns.runs[columns.run]!;
  const notes = [...columns.warnings];
  if (!run.complete && run.gaps === 0) notes.push('The log ends before the counters that stand last: it was cut off');
  if (!reason) {
    const said =
      run.verdict === 'accepted'
        ? 'accepted: there is nothing to explain'
        : run.verdict === 'rejected'
          ? 'rejected, and the log does not hold the reason'
          : 'the log ends before a verdict';
    return `${[said, ...notes].join('\n')}\n`;
  }
  const lines = [title || 'The verifier refuses the program', '', `  the verifier says: ${run.message}`];
  if (reason.insn) lines.push(`  at line ${reason.insn.line + 1}: ${codeOf(reason.insn.text)}`);
  if (reason.source) lines.push(`  from ${reason.source.text}`);
  for (const { name, text } of reason.known) lines.push(`  known about ${name}: ${text}`);
  if (allowed) lines.push(`  needed: ${allowed}`);
  if (story.length > 0) lines.push('', 'How the log came to it:');
  let from = '';
  for (const { line, insn, code, name, value, taken, source } of story) {
    const held = value ? `${name} is ${value}` : taken === null ? name : '';
    const way = taken === null ? '' : `the branch is ${taken ? 'taken' : 'not taken'}${held ? ': ' : ''}`;
    if (source && source !== from) lines.push(`  ; ${source}`);
    from = source;
    lines.push(`  ${insn}: ${code}`, `    line ${line + 1}: ${way}${held}`);
  }
  if (why) lines.push('', `Why: ${why}`, `What to change: ${change}`);
  if (reason.report) lines.push('', ...reportLines(reason.report));
  if (notes.length > 0) lines.push('', ...notes.map((note) => `Note: ${note}.`));
  return `${lines.join('\n')}\n`;
}

const placeWords = ({ insn, code, source, label, text }: ReportPlace): string => {
  const where = source ? `${source.file}:${source.line} ${source.text}` : code;
  return `  ${insn >= 0 ? `${insn}: ` : ''}${where}\n    ${label}: ${text}`;
};

/** What Linux 7.3 and later say themselves. */
function reportLines({ category, problem, reason, at, path, notes, suggestion }: LogReport): string[] {
  const lines = [`The kernel's own report: ${category}${problem ? `: ${problem}` : ''}`, `  ${reason}`];
  for (const place of path) lines.push(placeWords(place));
  if (at) lines.push(placeWords(at));
  for (const note of notes) lines.push(`  (${note})`);
  if (suggestion) lines.push(`  It suggests: ${suggestion}`);
  return lines;
}
