import { create } from 'zustand';
import type { Grade } from '../../course/grade.ts';
import type { Lesson } from '../../course/lesson.ts';
import type { CoursePath } from '../../course/path.ts';
import type { Stage } from '../../course/scene.ts';
import { toUserError, type UserError } from '../errors.ts';
import { type CallOptions, RemoteError, WorkerClient } from '../rpc.ts';
import { announce } from '../store.ts';
import { dropRecord, emptyRecord, keepRecord, keptRecords, type LessonRecord } from './kept.ts';
import type { FactEvent, LessonFile, LessonView, Outline } from './views.ts';

/** A worker of its own: an answer that keeps it busy holds up nothing else, and is stopped by ending it. It rests with the project: ONNX Runtime stays in it after a trial. */
const courseWorker = new WorkerClient(
  'course',
  () => new Worker(new URL('../workers/course.worker.ts', import.meta.url), { type: 'module', name: 'course' }),
  'project',
);

/** Longest that a file may take to be read; the lessons of the course take some 10 ms. */
const MOST_READING_MS = 15_000;
const KEEP_DELAY_MS = 300;

export interface OpenLesson extends Omit<LessonView, 'lesson'> {
  readonly key: string;
  readonly file: LessonFile;
  /** Not of the course: somebody's file or link. */
  readonly foreign: boolean;
  readonly lesson: Lesson;
  readonly values: Readonly<Record<string, FactEvent>>;
}

export interface CourseState {
  /** Null until the course is read. */
  readonly outlines: readonly Outline[] | null;
  readonly records: ReadonlyMap<string, LessonRecord>;
  readonly open: OpenLesson | null;
  /** A file that is no lesson yet, with what is wrong. */
  readonly broken: { readonly file: LessonFile; readonly problems: LessonView['problems'] } | null;
  readonly error: UserError | null;
  readonly opening: boolean;
  readonly path: CoursePath | null;
  /** Grades of this tab, by `LESSON EXERCISE`. */
  readonly grades: ReadonlyMap<string, Grade>;
  /** Whether what is done is kept beyond this tab. */
  readonly keeps: boolean;
}

export const useCourse = create<CourseState>()(() => ({
  outlines: null,
  records: new Map(),
  open: null,
  broken: null,
  error: null,
  opening: false,
  path: null,
  grades: new Map(),
  keeps: true,
}));

const { getState, setState } = useCourse;
const base = (): string => new URL('.', document.baseURI).href.replace(/[?#].*$/, '');

let stage: Stage;
let loading: Promise<void> | null = null;
let isReady = () => {};
const ready = new Promise<void>((resolve) => {
  isReady = resolve;
});

/** Reads the course's list and what this browser has kept; `page`: what lessons may name. */
export function loadCourse(page: Stage): Promise<void> {
  stage = page;
  loading ??= Promise.all([courseWorker.call<readonly Outline[]>('course', {}), keptRecords().catch(() => [])]).then(
    ([outlines, records]) => {
      setState({ outlines, records: new Map(records.map((one) => [one.key, one])) });
      isReady();
    },
    (error: unknown) => {
      loading = null;
      setState({ error: asUserError(error, 'Reading the course') });
    },
  );
  return loading;
}

const asUserError = (error: unknown, doing: string): UserError => (error instanceof RemoteError ? error.error : toUserError(error, doing));

export const recordOf = (state: CourseState, key: string): LessonRecord => state.records.get(key) ?? emptyRecord(key);

/** Of lessons that were asked for the last one opens; closing asks for none. */
let asked = 0;

async function opening(show: (current: () => boolean) => Promise<void>): Promise<void> {
  const mine = ++asked;
  const current = () => mine === asked;
  setState({ opening: true, error: null, broken: null });
  await ready;
  try {
    if (current()) await show(current);
  } catch (error) {
    if (current()) setState({ opening: false, error: asUserError(error, 'Opening the lesson') });
  }
}

/** Opens a lesson of the course, or one that was opened here before. */
export function openLesson(key: string, step?: number): Promise<void> {
  return opening(async (current) => {
    const kept = key.startsWith('~') ? getState().records.get(key)?.file : undefined;
    if (key.startsWith('~') && !kept)
      throw new RemoteError({
        what: `this browser does not have the lesson ${key.slice(1)}`,
        where: '',
        advice: 'Open its file once more',
      });
    const file = kept ?? (await courseWorker.call<LessonFile>('courseFile', { id: key }));
    await show({ name: file.name, text: file.text }, key.startsWith('~'), current, step);
  });
}

/** Opens somebody's lesson. */
export function openForeign(file: LessonFile): Promise<void> {
  return opening((current) => show(file, true, current));
}

async function show(file: LessonFile, foreign: boolean, current: () => boolean, step?: number): Promise<void> {
  let view: LessonView;
  const limit = AbortSignal.timeout(MOST_READING_MS);
  try {
    view = await courseWorker.call<LessonView>('view', { file, stage }, { signal: limit });
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new RemoteError({
      what: `reading took more than ${MOST_READING_MS / 1000} s`,
      where: file.name,
      advice: 'The file is no usual lesson',
    });
  }
  if (!current()) return;
  const { lesson } = view;
  if (!lesson) {
    setState({ opening: false, open: null, broken: { file, problems: view.problems } });
    announce(`${file.name} is no lesson yet`);
    return;
  }
  const key = foreign ? `~${lesson.id}` : lesson.id;
  const open: OpenLesson = { ...view, lesson, key, file, foreign, values: {} };
  const grades = new Map([...getState().grades].filter(([name]) => !foreign || !name.startsWith(`${key} `)));
  setState({ opening: false, open, broken: null, grades });
  const at = Math.min(step ?? recordOf(getState(), key).step, lesson.steps.length - 1);
  change(key, (record) => ({ ...record, ...(foreign ? { file: { ...file, title: lesson.title } } : {}) }));
  goToStep(Math.max(0, at));
  announce(`Lesson ${lesson.title}`);
  void compute(open);
}

async function compute({ file, facts, key }: OpenLesson): Promise<void> {
  if (facts.length === 0) return;
  const onEvent = ((event: FactEvent) => {
    const { open } = getState();
    if (open?.key === key && open.file.text === file.text) setState({ open: { ...open, values: { ...open.values, [event.name]: event } } });
  }) as CallOptions['onEvent'];
  await courseWorker.call('facts', { file, base: base(), names: facts }, { onEvent }).catch(() => {});
}

export function closeLesson(): void {
  asked++;
  setState({ open: null, opening: false, broken: null, error: null });
}

export function goToStep(step: number): void {
  const { open } = getState();
  if (!open || step < 0 || step >= open.lesson.steps.length) return;
  change(open.key, (record) => ({ ...record, step, seen: record.seen.includes(step) ? record.seen : [...record.seen, step] }));
}

const waiting = new Map<string, ReturnType<typeof setTimeout>>();

/** Changes what is known of a lesson, and keeps it a moment later. */
export function change(key: string, by: (record: LessonRecord) => LessonRecord): void {
  const records = new Map(getState().records).set(key, by(recordOf(getState(), key)));
  setState({ records });
  clearTimeout(waiting.get(key));
  waiting.set(
    key,
    setTimeout(() => void keep(key), KEEP_DELAY_MS),
  );
}

async function keep(key: string): Promise<void> {
  waiting.delete(key);
  const record = getState().records.get(key);
  if (record && !(await keepRecord(record)) && getState().keeps) setState({ keeps: false });
}

/** A page that leaves keeps what waits. */
addEventListener('pagehide', () => {
  for (const [key, timer] of waiting) {
    clearTimeout(timer);
    void keep(key);
  }
});

/** Forgets what was done of a lesson; of somebody's lesson the file as well. */
export async function forget(key: string): Promise<void> {
  clearTimeout(waiting.get(key));
  waiting.delete(key);
  const records = new Map(getState().records);
  records.delete(key);
  const grades = new Map([...getState().grades].filter(([name]) => !name.startsWith(`${key} `)));
  setState({ records, grades });
  await dropRecord(key);
}

export const gradeKey = (key: string, exercise: string): string => `${key} ${exercise}`;

/** Checks the learner's answer; what comes of it stands in `grades` and in the record. */
export async function checkAnswer(exercise: string, answer: string, options: CallOptions): Promise<Grade> {
  const { key, file } = getState().open!;
  const grade = await courseWorker.call<Grade>('check', { file, base: base(), exercise, answer }, options);
  setState({ grades: new Map(getState().grades).set(gradeKey(key, exercise), grade) });
  change(key, (record) => ({
    ...record,
    answers: { ...record.answers, [exercise]: answer },
    tries: { ...record.tries, [exercise]: (record.tries[exercise] ?? 0) + 1 },
    passed: grade.passed && !record.passed.includes(exercise) ? [...record.passed, exercise] : record.passed,
  }));
  return grade;
}

/** The grade of an answer that is no longer there. */
export function dropGrade(exercise: string): void {
  const { open, grades } = getState();
  if (!open || !grades.has(gradeKey(open.key, exercise))) return;
  const next = new Map(grades);
  next.delete(gradeKey(open.key, exercise));
  setState({ grades: next });
}

/** What is wrong with the open file, in form and in what only doing shows. */
export const lintOpen = (file: LessonFile, options: CallOptions): Promise<LessonView['problems']> =>
  courseWorker.call('lint', { file, base: base(), stage }, options);

export const followPath = (path: CoursePath | null): void => setState({ path });
