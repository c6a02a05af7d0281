import type { Program } from '../bpf/program.ts';
import type { Facts } from './facts.ts';
import { gradeOptions, type ModelTrial } from './grade-options.ts';
import { gradeProgram } from './grade-program.ts';
import { gradeValue } from './grade-value.ts';
import type { Exercise } from './lesson.ts';

/** What one check found. */
export interface CheckRow {
  readonly line: number;
  /** What is checked, in words. */
  readonly name: string;
  readonly passed: boolean;
  /** What was observed: never empty. */
  readonly observed: string;
  /** What to do about it; null where it passed or nothing is known. */
  readonly advice: string | null;
}

export interface Grade {
  readonly passed: boolean;
  /** In order; the checks behind one without which they mean nothing are left out. */
  readonly rows: readonly CheckRow[];
  /** Where a program could not be made of the answer, line of the answer from 1; null otherwise. */
  readonly answerLine: number | null;
}

/** A program made of an answer, or why there is none. */
export type Made = { readonly program: Program } | { readonly message: string; readonly line: number | null };

/** What grading needs of its surroundings. */
export interface GradeHost {
  /** clang; takes its time when it is used for the first time. */
  compileC(text: string): Promise<Made>;
  /** Compiles a sample's model with options and verifies the result. Throws an InputError for options that are none. */
  tryModel(sample: string, options: unknown, kernel: string): Promise<ModelTrial>;
  readonly facts: Facts;
}

/** Longest answer that is looked at. */
const MOST_CHARACTERS = 200_000;

/** Checks an answer as everything else in the tool is checked: the same assembler, compiler, verifier and engine. */
export async function grade(exercise: Exercise, answer: string, host: GradeHost): Promise<Grade> {
  if (answer.length > MOST_CHARACTERS) {
    const observed = `The answer has ${answer.length} characters; at most ${MOST_CHARACTERS} are read.`;
    return { passed: false, rows: [{ line: exercise.line, name: 'length', passed: false, observed, advice: null }], answerLine: null };
  }
  if (exercise.kind === 'value') return gradeValue(exercise, answer, host.facts);
  if (exercise.kind === 'options') return gradeOptions(exercise, answer, host);
  return gradeProgram(exercise, answer, host);
}
