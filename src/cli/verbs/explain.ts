import { InputError } from '../../base/errors.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import type { VerifyOptions } from '../../verifier/api.ts';
import { CLASS_TEXTS } from '../../verifier/explain/classes.ts';
import { type Explanation, explain } from '../../verifier/explain/explain.ts';
import { ruleOf } from '../../verifier/explain/rule-texts.ts';
import { explanationText } from '../../verifier/explain/text.ts';
import { readLog } from '../../verifier/logfile/reader.ts';
import { codeOf, logReason } from '../../verifier/logfile/reason.ts';
import { logStory } from '../../verifier/logfile/story.ts';
import { verify } from '../../verifier/verify.ts';
import { choice, KERNELS, onlyPositional, PRIVILEGES, parse } from '../args.ts';
import { print, printJson, readInput } from '../io.ts';
import type { Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** `explain FILE.o|FILE.s|LOG`: why each rejected program is rejected, and edits that mend it; of a log, what it tells. Status 1 when any is rejected. */
export const explainVerb: Verb = (argv) => {
  const args = parse(argv, { program: 'string', kernel: 'string', privilege: 'string', json: 'boolean' });
  const path = onlyPositional(args, 'one object or assembly file');
  const input = readInput(path);
  const isObject = ELF_MAGIC.every((byte, i) => input[i] === byte);
  if (!isObject && !/\.s$/i.test(path)) return explainLog(input, path, args.flag('json'));
  const file = readPrograms(path);
  const name = args.string('program');
  const programs = name === undefined ? file.programs : [pickProgram(file, name)];
  if (programs.length === 0) throw new InputError('it has no program', path);
  const options: VerifyOptions = {
    kernel: choice(args, 'kernel', KERNELS, '6.18'),
    privilege: choice(args, 'privilege', PRIVILEGES, 'root'),
    logLevel: 0,
  };
  const rows = programs.map((program) => {
    const result = verify(program, options);
    return { program, result, found: result.accepted ? null : explain(program, result, { verify: options }) };
  });
  if (args.flag('json')) {
    printJson({
      programs: rows.map(({ program, found }) => ({ name: program.name, accepted: found === null, explanation: found && row(found) })),
    });
  } else {
    for (const { program, found } of rows) {
      if (rows.length > 1) print(`== ${program.name}`);
      print(found ? explanationText(found) : 'accepted: there is nothing to explain\n');
    }
  }
  return rows.every(({ found }) => found === null) ? 0 : 1;
};

/** A log alone: the rule behind its message, and the lines by which the register at fault got its value. */
function explainLog(input: Uint8Array, path: string, json: boolean): 0 | 1 {
  const { bytes, columns } = readLog(Uint8Array.from(input), path);
  const run = columns.runs[columns.run];
  if (!run || run.insnLines === 0)
    throw new InputError('it is no object and no assembly (.s), and no verifier log that shows instructions', path);
  const reason = logReason(bytes, columns);
  const rule = run.message === null ? null : ruleOf(run.message);
  const story = reason?.insn && reason.subject ? logStory(bytes, columns, reason.insn.line, reason.subject) : [];
  const title = rule ? CLASS_TEXTS[rule.class].title : null;
  if (json) {
    const { message, insnIdx, verdict } = run;
    const told = rule && { class: rule.class, title, allowed: rule.allowed, why: rule.why, change: rule.change };
    printJson({
      log: {
        verdict,
        message,
        insn: insnIdx,
        subject: reason?.subject ?? '',
        known: reason?.known.map(({ name, text }) => ({ name, text })) ?? [],
        ...told,
        story,
      },
    });
  } else if (!reason) print(run.verdict === 'accepted' ? 'accepted: there is nothing to explain\n' : 'the log ends before a verdict\n');
  else {
    const lines = [title ?? 'The verifier refuses the program', '', `  the verifier says: ${run.message}`];
    if (reason.insn) lines.push(`  at line ${reason.insn.line + 1}: ${codeOf(reason.insn.text)}`);
    if (reason.source) lines.push(`  from ${reason.source.text}`);
    for (const { name, text } of reason.known) lines.push(`  known about ${name}: ${text}`);
    if (rule) lines.push(`  needed: ${rule.allowed}`);
    if (story.length > 0) lines.push('', 'How the log came to it:');
    for (const { line, insn, code, name, value, taken } of story) {
      const held = value ? `${name} is ${value}` : taken === null ? name : '';
      const way = taken === null ? '' : `the branch is ${taken ? 'taken' : 'not taken'}${held ? ': ' : ''}`;
      lines.push(`  ${insn}: ${code}`, `    line ${line + 1}: ${way}${held}`);
    }
    if (rule) lines.push('', `Why: ${rule.why}`, `What to change: ${rule.change}`);
    lines.push('', 'Read from the log alone: give the object or the assembly for edits.');
    print(`${lines.join('\n')}\n`);
  }
  return run.verdict === 'accepted' ? 0 : 1;
}

/** Without the whole edited programs: an edit is the instructions that it puts in. */
function row(found: Explanation): object {
  const fixes = found.fixes.map(({ title, size, insnIdx, edits }) => ({
    title,
    size,
    insn: insnIdx,
    edits: edits.map(({ changes }) =>
      changes.map(({ at, remove, insert }) => {
        const insns = insert.map(({ insn }) => insn);
        return {
          at,
          remove,
          insert: insert.map(({ target }, i) => ({ code: disasmKernel(insns, i), ...(target === undefined ? {} : { target }) })),
        };
      }),
    ),
  }));
  const { insnIdx, ...rest } = found;
  return { ...rest, insn: insnIdx, fixes };
}
