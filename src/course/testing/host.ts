import { compileC } from '../../clang/compile.ts';
import { lessonFacts } from '../facts.ts';
import type { GradeHost } from '../grade.ts';
import { makeProgram } from '../grade-program.ts';
import type { Lesson } from '../lesson.ts';

/** Grading without the samples: models are not compiled, and have two figures. */
export function testHost(lesson: Lesson): GradeHost {
  const host: GradeHost = {
    async compileC(text) {
      const { programs, diagnostics } = await compileC(text, { fileName: 'answer.c' });
      const [error] = diagnostics.filter(({ severity }) => severity === 'error');
      return error ? { message: error.message, line: error.line } : { program: programs[0] };
    },
    tryModel: async () => ({ accepted: true, message: null, insns: 100, processed: 1000, bytes: 4096, agreement: 0.995 }),
    facts: lessonFacts(
      lesson,
      async (exercise, text) => {
        const made = await makeProgram(exercise.kind as 'bpf', text, host);
        return 'program' in made ? made.program : null;
      },
      async (sample) => (sample === 'payload-ids' ? { parameters: 20, insns: 30 } : null),
    ),
  };
  return host;
}
