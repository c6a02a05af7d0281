import type { RootContent } from 'mdast';

/** What is wrong with a lesson's file, and where. */
export interface Problem {
  /** Line of the file, from 1. */
  readonly line: number;
  readonly message: string;
}

/** What an action brings about in the tool; every part may be left out. */
export interface Scene {
  /** A sample of the site. */
  readonly open?: string;
  readonly desk?: string;
  readonly panel?: string;
  /** `insn:9`, `op:Softmax`, `node:NAME`, `tensor:NAME`, `packet:3`, `byte:40`. */
  readonly select?: string;
  /** Exercise whose answer, as it stands, becomes the tool's program. */
  readonly program?: string;
}

/** What the tool must show for a task to count as done; one of them at a time. */
export interface Condition {
  readonly select?: string;
  readonly panel?: string;
  readonly verdict?: 'accepted' | 'rejected';
}

/** Something to touch that stands within the text: its name among the page's widgets, and what it is told. */
export interface Live {
  readonly widget: string;
  readonly args: Readonly<Record<string, string>>;
}

export type ExerciseKind = 'bpf' | 'c' | 'value' | 'options';
export const EXERCISE_KINDS: readonly ExerciseKind[] = ['bpf', 'c', 'value', 'options'];

/** A check in the words of the format: one key that says what is checked, and what to tell when it fails. */
export interface Check {
  readonly line: number;
  readonly kind: CheckKind;
  readonly value: unknown;
  /** The author's advice for an answer that fails here. */
  readonly advice: string | null;
}

/** Which checks an exercise of a kind may have. */
export const CHECK_KINDS = {
  bpf: ['accepted', 'rejected', 'given', 'run', 'runs', 'same', 'insns', 'processed', 'stack', 'uses', 'avoids', 'map', 'command'],
  c: ['accepted', 'rejected', 'given', 'run', 'runs', 'same', 'insns', 'processed', 'stack', 'uses', 'avoids', 'map', 'command'],
  value: ['equals', 'quantise'],
  options: ['accepted', 'insns', 'processed', 'agreement', 'bytes'],
} as const satisfies Readonly<Record<ExerciseKind, readonly string[]>>;
export type CheckKind = (typeof CHECK_KINDS)[ExerciseKind][number];

export interface WrongAnswer {
  readonly line: number;
  readonly text: string;
  /** Part of the feedback that it must get. */
  readonly says: string;
}

export interface Exercise {
  readonly id: string;
  readonly line: number;
  readonly title: string;
  readonly kind: ExerciseKind;
  /** Sample that an exercise about options works on. */
  readonly model: string | null;
  /** Kernel whose rules hold. */
  readonly kernel: string;
  readonly task: readonly Block[];
  /** The answer that stands there at first. */
  readonly start: string;
  readonly solution: string;
  readonly wrong: readonly WrongAnswer[];
  readonly checks: readonly Check[];
  readonly hints: readonly (readonly RootContent[])[];
}

export type Block =
  | { readonly kind: 'text'; readonly node: RootContent }
  | { readonly kind: 'show'; readonly line: number; readonly scene: Scene }
  | { readonly kind: 'task'; readonly line: number; readonly text: readonly RootContent[]; readonly until: Condition }
  | { readonly kind: 'live'; readonly line: number; readonly caption: readonly RootContent[]; readonly live: Live }
  | { readonly kind: 'exercise'; readonly exercise: Exercise };

export interface Step {
  readonly title: string;
  readonly line: number;
  readonly blocks: readonly Block[];
}

export interface Lesson {
  /** Letters, digits and hyphens; what links and progress name it by. */
  readonly id: string;
  readonly title: string;
  readonly minutes: number;
  /** Lessons that come before it. */
  readonly after: readonly string[];
  readonly goals: readonly string[];
  readonly opens: Scene;
  readonly steps: readonly Step[];
}

export const exercisesOf = (lesson: Lesson): readonly Exercise[] =>
  lesson.steps.flatMap(({ blocks }) => blocks.flatMap((block) => (block.kind === 'exercise' ? [block.exercise] : [])));
