import { InputError } from '../base/errors.ts';
import { glossary, lookUp } from './glossary.ts';
import { type GradeHost, grade } from './grade.ts';
import { exercisesOf, type Lesson, type Problem } from './lesson.ts';
import { plainText } from './read.ts';

interface Named {
  readonly kind: 'term' | 'fact';
  readonly name: string;
  readonly line: number;
}

/** Every `:term[…]` and `:fact[…]` of a lesson. */
export function namesIn(lesson: Lesson): readonly Named[] {
  const found: Named[] = [];
  const visit = (node: unknown): void => {
    const { type, name, children, position } = node as {
      type?: string;
      name?: string;
      children?: readonly unknown[];
      position?: { start: { line: number } };
    };
    if (type === 'textDirective' && (name === 'term' || name === 'fact'))
      found.push({ kind: name, name: plainText(node), line: position?.start.line ?? 1 });
    for (const child of children ?? []) visit(child);
  };
  for (const { blocks } of lesson.steps)
    for (const block of blocks) {
      if (block.kind === 'text') visit(block.node);
      else if (block.kind === 'task') block.text.forEach(visit);
      else if (block.kind === 'exercise') {
        for (const one of block.exercise.task) if (one.kind === 'text') visit(one.node);
        block.exercise.hints.flat().forEach(visit);
      }
    }
  return found;
}

/** Names of the glossary that share their beginning, or hold the word. */
function near(name: string): string {
  const word = name.trim().toLowerCase();
  const found = [...glossary().values()].filter(({ name: one }) => {
    const other = one.toLowerCase();
    return other.includes(word) || word.includes(other) || (word.length > 3 && other.startsWith(word.slice(0, 4)));
  });
  return found.length === 0
    ? ''
    : `; near it: ${found
        .slice(0, 5)
        .map(({ name: one }) => one)
        .join(', ')}`;
}

/**
 * What only doing shows: terms and facts that do not exist, a beginning that passes already, a solution that does not pass, a wrong answer that passes or is met with
 * something else than the author promises.
 */
export async function lintLesson(lesson: Lesson, host: GradeHost): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { kind, name, line } of namesIn(lesson)) {
    if (kind === 'term') {
      if (!lookUp(name)) problems.push({ line, message: `the glossary has no ${name}${near(name)}` });
      continue;
    }
    try {
      await host.facts.value(name);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push({ line, message: `fact ${name}: ${error.message}` });
    }
  }
  for (const exercise of exercisesOf(lesson)) {
    const told = (rows: readonly { observed: string; advice: string | null }[]) =>
      rows
        .map(({ observed, advice }) => `${observed} ${advice ?? ''}`)
        .join(' ')
        .trim();
    const failing = (rows: readonly { passed: boolean; observed: string; advice: string | null }[]) => rows.filter(({ passed }) => !passed);
    if ((await grade(exercise, exercise.start, host)).passed)
      problems.push({ line: exercise.line, message: `exercise ${exercise.id} passes before anything is done` });
    const solved = await grade(exercise, exercise.solution, host);
    if (!solved.passed)
      problems.push({
        line: exercise.line,
        message: `the solution of exercise ${exercise.id} does not pass: ${told(failing(solved.rows))}`,
      });
    for (const { text, says, line } of exercise.wrong) {
      const met = await grade(exercise, text, host);
      if (met.passed) problems.push({ line, message: `this wrong answer passes` });
      else if (!told(failing(met.rows)).includes(says))
        problems.push({ line, message: `this wrong answer is met with: ${told(failing(met.rows))}` });
    }
  }
  return problems.toSorted((a, b) => a.line - b.line);
}
