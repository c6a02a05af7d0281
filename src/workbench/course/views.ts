import type { Lesson, Problem } from '../../course/lesson.ts';
import type { Entry } from '../../course/reference.ts';

/** What lists say of a lesson. */
export interface Outline {
  readonly id: string;
  readonly title: string;
  readonly minutes: number;
  readonly goals: readonly string[];
  readonly after: readonly string[];
  readonly steps: number;
  readonly exercises: readonly string[];
}

/** A lesson as it is shown: made of a file's text, without anything that could run. */
export interface LessonView {
  readonly lesson: Lesson | null;
  readonly problems: readonly Problem[];
  /** What the glossary says of the terms in it, by the term as it is written. */
  readonly terms: Readonly<Record<string, Entry>>;
  /** Names of the facts in it. */
  readonly facts: readonly string[];
}

/** A fact as it is computed. */
export type FactEvent = { readonly name: string; readonly value: number | string } | { readonly name: string; readonly problem: string };

/** A lesson's file. */
export interface LessonFile {
  readonly name: string;
  readonly text: string;
}
