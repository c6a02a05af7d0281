import { ArrowLeft, ArrowRight, List, MoreHorizontal, X } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Scene } from '../../course/lesson.ts';
import { exercisesOf } from '../../course/lesson.ts';
import { download } from '../../workbench/actions.ts';
import { encodeLesson, MOST_LINK } from '../../workbench/course/link.ts';
import { showLessons } from '../../workbench/course/pane.ts';
import {
  closeLesson,
  forget,
  goToStep,
  lintOpen,
  loadCourse,
  type OpenLesson,
  openLesson,
  recordOf,
  useCourse,
} from '../../workbench/course/store.ts';
import type { LessonView } from '../../workbench/course/views.ts';
import { announce } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Menu } from '../components/Menu.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { isEmbedded } from '../shell/desk-store.ts';
import { keepFocusIn } from '../shell/keep-focus.ts';
import { course } from '../texts/course.ts';
import { cameByAddress, readAddress, writeAddress } from './address.ts';
import { Blocks } from './Blocks.tsx';
import { CourseList } from './CourseList.tsx';
import { lessonsInOrder } from './order.ts';
import { PaneEdge } from './PaneEdge.tsx';
import { Paper } from './Paper.tsx';
import { Problems } from './Problems.tsx';
import { type ProseContext, Surroundings } from './Prose.tsx';
import { openAnswer, play, STAGE } from './stage.ts';
import './course.css';

const { lesson: texts } = course;

/** The course beside the desk: its list, or one lesson step by step. */
export default function LessonPane() {
  const open = useCourse((state) => state.open);
  const broken = useCourse((state) => state.broken);
  const opening = useCourse((state) => state.opening);
  const error = useCourse((state) => state.error);
  useEffect(() => {
    void loadCourse(STAGE);
    const read = () => void readAddress();
    read();
    window.addEventListener('hashchange', read);
    return () => window.removeEventListener('hashchange', read);
  }, []);
  const pane = useRef<HTMLElement>(null);
  useEffect(() => keepFocusIn(pane.current!, '[data-exercise], .lesson-live, .lesson'), []);
  const focus = useCallback(
    () => pane.current?.querySelector<HTMLElement>('[data-step-title], [data-first-focus], .course-open')?.focus(),
    [],
  );
  useCommandHandler('learn.focus', focus);
  const embedded = isEmbedded();
  return (
    <aside
      ref={pane}
      className="lesson"
      tabIndex={-1}
      aria-label={open ? texts.label(open.lesson.title) : course.title}
      data-panel-actions="learn"
    >
      {error ? <ErrorNote error={error} onDismiss={() => useCourse.setState({ error: null })} /> : null}
      {open ? (
        <Lesson key={open.key} open={open} embedded={embedded} />
      ) : broken ? (
        <Broken />
      ) : opening ? (
        <>
          {embedded ? null : <Head title={course.title} />}
          <p className="empty">{texts.opening}</p>
        </>
      ) : embedded ? null : (
        <>
          <Head title={course.title} />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too */}
          <div className="lesson-body" tabIndex={0}>
            <CourseList />
          </div>
        </>
      )}
      {embedded ? null : <PaneEdge pane={pane} />}
    </aside>
  );
}

function Head({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <header className="lesson-head">
      {children}
      <h2 className="grow ellipsis" title={title}>
        {title}
      </h2>
      <button
        type="button"
        className="button square"
        aria-label={texts.close}
        title={texts.close}
        onClick={() => {
          closeLesson();
          writeAddress(null, 0);
          showLessons(false);
        }}
      >
        <X size={14} />
      </button>
    </header>
  );
}

function toContents(): void {
  closeLesson();
  writeAddress(null, 0);
}

/** A file that is no lesson: what is wrong, by line. */
function Broken() {
  const broken = useCourse((state) => state.broken)!;
  return (
    <>
      <Head title={course.problems.title(broken.file.name)}>
        <Contents />
      </Head>
      <div className="lesson-body">
        <Problems problems={broken.problems} text={broken.file.text} />
        <p className="muted small">{course.problems.reload}</p>
      </div>
    </>
  );
}

function Contents() {
  return (
    <button type="button" className="button square" aria-label={texts.contents} title={texts.contents} onClick={toContents}>
      <List size={16} />
    </button>
  );
}

function Lesson({ open, embedded }: { open: OpenLesson; embedded: boolean }) {
  const { lesson, key, foreign, problems, terms, values } = open;
  const record = useCourse((state) => recordOf(state, key));
  const outlines = useCourse((state) => state.outlines);
  const path = useCourse((state) => state.path);
  const at = Math.min(record.step, lesson.steps.length - 1);
  const step = lesson.steps[at]!;
  const body = useRef<HTMLDivElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const moved = useRef(false);

  const go = useCallback(
    (scene: Scene) => {
      const programOf = async (id: string): Promise<void> => {
        const exercise = exercisesOf(lesson).find((one) => one.id === id);
        if (exercise) await openAnswer(lesson.id, exercise, recordOf(useCourse.getState(), key).answers[id] ?? exercise.start);
      };
      void play(scene, programOf);
    },
    [lesson, key],
  );
  const prose = useMemo<ProseContext>(() => ({ terms, values, go }), [terms, values, go]);

  useEffect(() => {
    writeAddress(key, at);
    body.current?.scrollTo({ top: 0 });
    if (moved.current) title.current?.focus({ preventScroll: true });
    moved.current = false;
  }, [key, at]);
  // Whoever opens a lesson reads on in it; a page that loads leaves the focus alone.
  useEffect(() => {
    if (!cameByAddress()) title.current?.focus({ preventScroll: true });
  }, []);
  // After the focus is set, which the scene gives back. What the step shows; with the first step that is on show comes what the lesson opens with.
  const begun = useRef(false);
  useEffect(() => {
    const scenes = step.blocks.flatMap((block) => (block.kind === 'show' ? [block.scene] : []));
    const scene = Object.assign({}, begun.current ? {} : lesson.opens, ...scenes) as Scene;
    begun.current = true;
    if (Object.keys(scene).length > 0) go(scene);
  }, [step, lesson.opens, go]);
  const move = useCallback(
    (to: number) => {
      if (to < 0 || to >= lesson.steps.length) return;
      moved.current = true;
      goToStep(to);
      announce(`${texts.step(to + 1, lesson.steps.length)}: ${lesson.steps[to]!.title}`);
    },
    [lesson],
  );
  const following = useMemo(() => {
    const all = lessonsInOrder(outlines ?? [], path);
    const here = all.findIndex(({ id }) => id === lesson.id);
    return foreign || here < 0 ? null : (all[here + 1] ?? null);
  }, [outlines, path, lesson, foreign]);
  const next = useCallback(() => move(at + 1), [move, at]);
  const previous = useCallback(() => move(at - 1), [move, at]);
  /** The exercise that has the focus, else the first of the step that is not done. */
  const press = useCallback((what: 'check' | 'hint') => {
    const own = document.activeElement?.closest('[data-exercise]');
    const target =
      own ?? body.current?.querySelector('[data-exercise][data-passed=false]') ?? body.current?.querySelector('[data-exercise]');
    target?.querySelector<HTMLElement>(`[data-${what}]`)?.click();
  }, []);
  useCommandHandler('learn.next', next);
  useCommandHandler('learn.previous', previous);
  useCommandHandler(
    'learn.check',
    useCallback(() => press('check'), [press]),
  );
  useCommandHandler(
    'learn.hint',
    useCallback(() => press('hint'), [press]),
  );
  useCommandHandler(
    'learn.print',
    useCallback(() => window.print(), []),
  );
  return (
    <Surroundings value={prose}>
      {embedded ? (
        <header className="lesson-head">
          <h1 className="visually-hidden">{texts.label(lesson.title)}</h1>
          <h2 className="grow ellipsis">{lesson.title}</h2>
          <a className="small" href={`?lesson=${key}`} target="_blank" rel="noopener">
            {texts.openTool}
          </a>
        </header>
      ) : (
        <Head title={lesson.title}>
          <Contents />
          <More open={open} at={at} />
        </Head>
      )}
      <nav className="lesson-steps" aria-label={texts.steps}>
        {lesson.steps.map((one, place) => (
          <button
            key={one.line}
            type="button"
            className="lesson-dot"
            aria-current={place === at ? 'step' : undefined}
            data-seen={record.seen.includes(place)}
            aria-label={texts.stepTo(place + 1, one.title, record.seen.includes(place))}
            title={`${place + 1}. ${one.title}`}
            onClick={() => move(place)}
          />
        ))}
      </nav>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too */}
      <section ref={body} className="lesson-body" tabIndex={0} aria-label={step.title} data-step={at + 1}>
        {at === 0 ? (
          <div className="lesson-intro">
            {foreign ? (
              <p className="lesson-foreign small" title={course.foreignAbout}>
                <strong>{course.foreign}.</strong> {course.foreignAbout}
              </p>
            ) : null}
            {problems.length > 0 ? <Problems problems={problems} text={open.file.text} /> : null}
            {lesson.goals.length > 0 ? (
              <div className="lesson-goals">
                <p className="small muted">
                  {course.goals} · {course.minutes(lesson.minutes)}
                </p>
                <ul>
                  {lesson.goals.map((goal) => (
                    <li key={goal}>{goal}</li>
                  ))}
                </ul>
              </div>
            ) : null}
          </div>
        ) : null}
        <h3 ref={title} tabIndex={-1} className="lesson-title" data-step-title>
          {step.title}
        </h3>
        <Blocks blocks={step.blocks} place={String(at)} />
      </section>
      <footer className="lesson-foot">
        <button type="button" className="button bordered" disabled={at === 0} onClick={previous}>
          <ArrowLeft size={14} aria-hidden="true" /> {texts.previous}
        </button>
        <span className="muted small grow">{texts.step(at + 1, lesson.steps.length)}</span>
        {at + 1 < lesson.steps.length ? (
          <button type="button" className="button primary" onClick={next}>
            {texts.next} <ArrowRight size={14} aria-hidden="true" />
          </button>
        ) : embedded ? null : following ? (
          <button type="button" className="button primary lesson-following" onClick={() => void openLesson(following.id, 0)}>
            <span className="ellipsis">{texts.nextLesson(following.title)}</span> <ArrowRight size={14} aria-hidden="true" />
          </button>
        ) : (
          <button type="button" className="button primary" onClick={toContents}>
            {texts.finish}
          </button>
        )}
      </footer>
      <Paper open={open} />
    </Surroundings>
  );
}

/** Sharing, printing, checking, forgetting. */
function More({ open, at }: { open: OpenLesson; at: number }) {
  const { key, file, foreign } = open;
  const { progress, running, error, run, cancel } = useTask();
  const [found, setFound] = useState<LessonView['problems'] | null>(null);
  const [uncopied, setUncopied] = useState<string | null>(null);
  const copy = (text: string) => {
    setUncopied(null);
    navigator.clipboard.writeText(text).then(
      () => announce(texts.copied),
      () => setUncopied(text),
    );
  };
  const site = `${location.origin}${location.pathname}`;
  const link = (query: string): string | null => {
    if (!foreign) return `${site}?${query}`;
    const hash = encodeLesson(file);
    return hash.length > MOST_LINK ? null : `${site}${query.startsWith('embed') ? '?embed=' : ''}${hash}`;
  };
  const copyLink = (address: string | null, around = (text: string) => text) => {
    if (address === null) setUncopied(texts.tooLong);
    else copy(around(address));
  };
  return (
    <>
      <Menu
        label={texts.more}
        square
        button={<MoreHorizontal size={16} />}
        items={[
          { id: 'link', title: texts.copyLink, detail: texts.copyLinkAbout, run: () => copyLink(link(`lesson=${key}&step=${at + 1}`)) },
          {
            id: 'embed',
            title: texts.embed,
            detail: texts.embedAbout,
            run: () =>
              copyLink(
                link(`embed=${key}&panels=${panelsOf(open).join(',')}`),
                (src) => `<iframe src="${src}" width="1200" height="720"></iframe>`,
              ),
          },
          { id: 'save', title: texts.save, detail: texts.saveAbout, run: () => download(file.name, new TextEncoder().encode(file.text)) },
          { id: 'print', title: texts.print, detail: texts.printAbout, run: () => setTimeout(() => window.print()) },
          {
            id: 'lint',
            title: texts.lint,
            detail: texts.lintAbout,
            run: () => {
              setFound(null);
              void run((options) => lintOpen(file, options), setFound);
            },
          },
          { id: 'reset', title: texts.reset, run: () => void forget(key).then(() => (foreign ? toContents() : goToStep(0))) },
        ]}
      />
      {running || error || found || uncopied ? (
        <div className="lesson-notes">
          {running ? <Progress progress={progress} label={course.problems.linting} onCancel={cancel} /> : null}
          {error ? <ErrorNote error={error} /> : null}
          {found?.length === 0 ? (
            <p className="ok" role="status">
              ✓ {course.problems.fine}
            </p>
          ) : null}
          {found && found.length > 0 ? <Problems problems={found} text={file.text} /> : null}
          {uncopied === texts.tooLong ? <p role="status">{uncopied}</p> : null}
          {uncopied && uncopied !== texts.tooLong ? (
            <label>
              {texts.copyFailed}
              <input className="field" readOnly value={uncopied} onFocus={(event) => event.target.select()} />
            </label>
          ) : null}
          {running ? null : (
            <button
              type="button"
              className="button square"
              aria-label={texts.close}
              onClick={() => {
                setFound(null);
                setUncopied(null);
              }}
            >
              <X size={14} />
            </button>
          )}
        </div>
      ) : null}
    </>
  );
}

/** Panels that a lesson names, in its order. */
function panelsOf({ lesson }: OpenLesson): readonly string[] {
  const found = new Set<string>();
  const visit = (node: unknown): void => {
    const { name, attributes, children } = node as {
      name?: string;
      attributes?: Readonly<Record<string, string>>;
      children?: readonly unknown[];
    };
    if (name === 'go' && attributes?.panel) found.add(attributes.panel);
    for (const child of children ?? []) visit(child);
  };
  if (lesson.opens.panel) found.add(lesson.opens.panel);
  for (const { blocks } of lesson.steps)
    for (const block of blocks) {
      if (block.kind === 'show' && block.scene.panel) found.add(block.scene.panel);
      if (block.kind === 'task' && block.until.panel) found.add(block.until.panel);
      if (block.kind === 'text') visit(block.node);
    }
  return [...found].filter((id) => STAGE.panels.has(id));
}
