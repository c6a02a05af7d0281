import { InputError } from '../../base/errors.ts';
import { type Grade, grade } from '../../course/grade.ts';
import { type Exercise, exercisesOf, type Lesson, type Problem } from '../../course/lesson.ts';
import { lintLesson } from '../../course/lint.ts';
import { PAGE_NAMES } from '../../course/page-names.ts';
import { readLesson } from '../../course/read.ts';
import { type Args, onlyPositional, parse } from '../args.ts';
import { print, printJson, readText } from '../io.ts';
import { hostOf } from '../lesson-host.ts';
import type { ExitStatus, Verb } from '../main.ts';

/** The exercise of that name, or the only one. */
function exerciseOf(lesson: Lesson, path: string, args: Args): Exercise {
  const exercises = exercisesOf(lesson);
  const name = args.string('exercise');
  const found = name === undefined && exercises.length === 1 ? exercises[0] : exercises.find(({ id }) => id === name);
  if (found) return found;
  const names = exercises.map(({ id }) => id).join(', ') || 'none';
  throw new InputError(name === undefined ? 'say which exercise with --exercise' : `it has no exercise ${name}`, path, `It has ${names}`);
}

function tellProblems(path: string, problems: readonly Problem[], asJson: boolean): ExitStatus {
  if (asJson) printJson({ file: path, problems });
  else if (problems.length === 0) print(`${path}: nothing is wrong`);
  else for (const { line, message } of problems) print(`${path}:${line}: ${message}`);
  return problems.length === 0 ? 0 : 1;
}

function tellGrade(exercise: Exercise, { passed, rows }: Grade, asJson: boolean): ExitStatus {
  if (asJson) printJson({ exercise: exercise.id, passed, checks: rows });
  else {
    for (const row of rows) {
      print(`${row.passed ? '✓' : '✕'} ${row.name}`);
      if (!row.passed) print(`  ${row.observed}${row.advice ? `\n  ${row.advice}` : ''}`);
    }
    print(passed ? `${exercise.id}: passed` : `${exercise.id}: not yet`);
  }
  return passed ? 0 : 1;
}

/** `lesson lint FILE.md`, `lesson check FILE.md --answer A [--exercise ID]`. Status 1 for problems, and for an answer that does not pass. */
export const lessonVerb: Verb = async (argv) => {
  const [what, ...rest] = argv;
  if (what !== 'lint' && what !== 'check') throw new InputError('say lint or check', 'arguments');
  const args = parse(rest, { answer: 'string', exercise: 'string', json: 'boolean' });
  const path = onlyPositional(args, 'one lesson');
  const { lesson, problems } = readLesson(readText(path), path, PAGE_NAMES);
  if (what === 'lint' || !lesson) {
    const deeper = lesson && problems.length === 0 ? await lintLesson(lesson, hostOf(lesson)) : [];
    if (what === 'lint') return tellProblems(path, [...problems, ...deeper], args.flag('json'));
  }
  if (!lesson || problems.length > 0) throw new InputError(problems[0].message, `${path}:${problems[0].line}`);
  const answer = args.string('answer');
  if (answer === undefined) throw new InputError('say where the answer is with --answer FILE', 'arguments');
  const exercise = exerciseOf(lesson, path, args);
  return tellGrade(exercise, await grade(exercise, readText(answer), hostOf(lesson)), args.flag('json'));
};
