import { compileC } from '../clang/compile.ts';
import { formatDiagnostic } from '../clang/diagnostics.ts';
import { lessonFacts } from '../course/facts.ts';
import type { GradeHost, Made } from '../course/grade.ts';
import { makeProgram } from '../course/grade-program.ts';
import type { Lesson } from '../course/lesson.ts';
import { sampleFigures, tryModel } from './lesson-samples.ts';

async function compileAnswer(text: string): Promise<Made> {
  const { programs, diagnostics } = await compileC(text, { fileName: 'answer.c' });
  const [error] = diagnostics.filter(({ severity }) => severity === 'error');
  if (error) return { message: formatDiagnostic(error), line: error.file === 'answer.c' ? error.line : null };
  return programs.length === 1
    ? { program: programs[0] }
    : { message: `it has ${programs.length} programs, and one is wanted`, line: null };
}

/** What lessons are graded with on the command line. */
export function hostOf(lesson: Lesson): GradeHost {
  const host: GradeHost = {
    compileC: compileAnswer,
    tryModel,
    facts: lessonFacts(
      lesson,
      async (exercise, text) => {
        const made = await makeProgram(exercise.kind as 'bpf' | 'c', text, host);
        return 'program' in made ? made.program : null;
      },
      sampleFigures,
    ),
  };
  return host;
}
