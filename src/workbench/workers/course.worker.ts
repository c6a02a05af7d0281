import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { lessonFacts } from '../../course/facts.ts';
import { lookUp } from '../../course/glossary.ts';
import { type Grade, type GradeHost, grade, type Made } from '../../course/grade.ts';
import { makeProgram } from '../../course/grade-program.ts';
import { exercisesOf, type Lesson, type Problem } from '../../course/lesson.ts';
import { lintLesson, namesIn } from '../../course/lint.ts';
import { ordered, readPath } from '../../course/path.ts';
import { type ReadLesson, readLesson } from '../../course/read.ts';
import type { Entry } from '../../course/reference.ts';
import { FIGURE_FILES, figuresIn } from '../../course/sample-figures.ts';
import type { Stage } from '../../course/scene.ts';
import type { FactEvent, LessonFile, LessonView, Outline } from '../course/views.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import { leave, Recent } from './blobs.ts';

const texts = import.meta.glob<string>('../../lessons/course/*.md', { query: '?raw', import: 'default', eager: true });
const [order] = Object.values(
  import.meta.glob<string>('../../lessons/course/course.path.json', { query: '?raw', import: 'default', eager: true }),
);

/** Files that were read of late, by their text. */
const known = new Recent<ReadLesson>(32);

function read({ name, text }: LessonFile, stage: Stage | null): ReadLesson {
  return known.get(text) ?? known.set(text, readLesson(text, name, stage));
}

const courseFile = (id: string): LessonFile => {
  const path = `../../lessons/course/${id}.md`;
  if (!Object.hasOwn(texts, path)) throw new InputError(`the course has no lesson ${id}`, '', 'The Learn panel lists its lessons');
  return { name: `${id}.md`, text: texts[path]! };
};

function outline(lesson: Lesson): Outline {
  const { id, title, minutes, goals, after, steps } = lesson;
  return { id, title, minutes, goals, after, steps: steps.length, exercises: exercisesOf(lesson).map((one) => one.id) };
}

/** The lessons of the course in their order. */
function course(): readonly Outline[] {
  const lessons = Object.entries(texts).flatMap(([path, text]) => {
    const { lesson } = read({ name: path.split('/').at(-1)!, text }, null);
    return lesson ? [outline(lesson)] : [];
  });
  return ordered(lessons, readPath(order!, 'course.path.json'));
}

function view({ file, stage }: { file: LessonFile; stage: Stage }): LessonView {
  const { lesson, problems } = read(file, stage);
  const terms: Record<string, Entry> = {};
  const facts = new Set<string>();
  for (const { kind, name } of lesson ? namesIn(lesson) : []) {
    if (kind === 'fact') facts.add(name);
    else {
      const entry = lookUp(name);
      if (entry) terms[name] = entry;
    }
  }
  return { lesson, problems, terms, facts: [...facts] };
}

function lessonOf(file: LessonFile): Lesson {
  const { lesson } = read(file, null);
  if (!lesson) throw new InputError('the lesson cannot be read', file.name);
  return lesson;
}

/** What lessons are graded with in the page: the assembler, clang, verifier and engine of the tool. */
function hostOf(lesson: Lesson, base: string, context: CallContext): GradeHost {
  const progress = {
    report: (stage: string, done: number, total: number) => context.progress(stage, done, total),
    get cancelled() {
      return context.cancelled;
    },
  };
  const host: GradeHost = {
    async compileC(text): Promise<Made> {
      const [{ compileC }, { formatDiagnostic }] = await Promise.all([
        import('../../clang/compile.ts'),
        import('../../clang/diagnostics.ts'),
      ]);
      const { programs, diagnostics } = await compileC(text, { fileName: 'answer.c', progress });
      const error = diagnostics.find(({ severity }) => severity === 'error');
      if (error) return { message: formatDiagnostic(error), line: error.file === 'answer.c' ? error.line : null };
      return programs.length === 1
        ? { program: programs[0]! }
        : { message: `it has ${programs.length} programs, and one is wanted`, line: null };
    },
    async tryModel(sample, options, kernel) {
      const { tryModel } = await import('./course-trial.ts');
      return tryModel(sample, options, kernel, base, context);
    },
    facts: lessonFacts(
      lesson,
      async (exercise, text) => {
        const made = await makeProgram(exercise.kind as 'bpf' | 'c', text, host);
        return 'program' in made ? made.program : null;
      },
      async (sample) => {
        if (!Object.hasOwn(FIGURE_FILES, sample)) return null;
        const response = await fetch(`${base}samples/${FIGURE_FILES[sample]}`);
        if (!response.ok) throw new InputError(`the server answered ${response.status}`, response.url);
        return figuresIn(await response.json());
      },
    ),
  };
  return host;
}

interface FileArgs {
  readonly file: LessonFile;
  /** Where the site lies. */
  readonly base: string;
}

/** Computes the facts of a lesson, and tells each as soon as it is known. */
async function facts({ file, base, names }: FileArgs & { names: readonly string[] }, context: CallContext): Promise<void> {
  const { facts: all } = hostOf(lessonOf(file), base, context);
  for (const name of names) {
    if (context.cancelled) throw new Cancelled();
    try {
      context.emit({ name, value: await all.value(name) } satisfies FactEvent);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      context.emit({ name, problem: error.message } satisfies FactEvent);
    }
  }
}

function check(
  { file, base, exercise: id, answer }: FileArgs & { exercise: string; answer: string },
  context: CallContext,
): Promise<Grade> {
  const lesson = lessonOf(file);
  const exercise = exercisesOf(lesson).find((one) => one.id === id);
  if (!exercise) throw new InputError(`it has no exercise ${id}`, file.name);
  return grade(exercise, answer, hostOf(lesson, base, context));
}

/** Everything that is wrong with a file: its form first, and what only doing shows once that is right. */
async function lint({ file, base, stage }: FileArgs & { stage: Stage }, context: CallContext): Promise<readonly Problem[]> {
  const { lesson, problems } = read(file, stage);
  return lesson && problems.length === 0 ? lintLesson(lesson, hostOf(lesson, base, context)) : problems;
}

const DOING: Readonly<Record<string, string>> = {
  view: 'Reading the lesson',
  check: 'Checking the answer',
  facts: 'Computing the figures',
  lint: 'Checking the lesson',
};
const handlers: Record<string, Handler> = {
  leave,
  course,
  courseFile: ({ id }: { id: string }) => courseFile(id),
  view,
  facts,
  check,
  lint,
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
