import { parse as parseYaml } from 'yaml';
import { InputError } from '../base/errors.ts';
import type { CheckRow, Grade, GradeHost } from './grade.ts';
import { limitRow } from './grade-words.ts';
import type { Exercise } from './lesson.ts';

/** What became of a model with some options. */
export interface ModelTrial {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly insns: number;
  readonly processed: number;
  /** Of weights and scales. */
  readonly bytes: number;
  /** Share of events on which program and reference choose the same class; null where it was not measured. */
  readonly agreement: number | null;
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** Grades options of the compiler (`quant: w8a8`, one a line) by compiling and verifying the model with them. */
export async function gradeOptions(exercise: Exercise, answer: string, host: GradeHost): Promise<Grade> {
  const unusable = (observed: string): Grade => ({
    passed: false,
    rows: [{ line: exercise.line, name: 'the compiler takes the options', passed: false, observed, advice: null }],
    answerLine: null,
  });
  let options: unknown;
  let trial: ModelTrial;
  try {
    options = parseYaml(answer, { maxAliasCount: 0 }) ?? {};
    trial = await host.tryModel(exercise.model!, options, exercise.kernel);
  } catch (error) {
    if (error instanceof InputError || (error as Error).name === 'YAMLParseError') return unusable((error as Error).message.split('\n')[0]);
    throw error;
  }
  const verdict = trial.accepted
    ? `The verifier accepted it after ${trial.processed} instructions.`
    : `The verifier refused it: ${trial.message}`;
  const rows: CheckRow[] = exercise.checks.map((check) => {
    const found =
      check.kind === 'accepted'
        ? { name: `Linux ${exercise.kernel} accepts the program`, passed: trial.accepted, observed: verdict }
        : check.kind === 'agreement'
          ? limitRow('of events on which program and reference agree', trial.agreement, check.value, percent)
          : check.kind === 'bytes'
            ? limitRow('bytes of weights', trial.bytes, check.value)
            : limitRow(
                check.kind === 'insns' ? 'instructions' : 'instructions processed by the verifier',
                check.kind === 'insns' ? trial.insns : trial.processed,
                check.value,
              );
    return { line: check.line, ...found, advice: found.passed ? null : check.advice };
  });
  return { passed: rows.every(({ passed }) => passed), rows, answerLine: null };
}
