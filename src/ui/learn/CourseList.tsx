import { ArrowRight, Check } from 'lucide-react';
import { useState } from 'react';
import type { LessonRecord } from '../../workbench/course/kept.ts';
import { showLessons } from '../../workbench/course/pane.ts';
import { followPath, forget, openLesson, recordOf, useCourse } from '../../workbench/course/store.ts';
import type { Outline } from '../../workbench/course/views.ts';
import { course as texts } from '../texts/course.ts';
import { lessonsInOrder } from './order.ts';
import { PathMaker } from './PathMaker.tsx';
import './course.css';

const open = (key: string): void => {
  showLessons(true);
  void openLesson(key);
};

const isDone = ({ steps, exercises }: Outline, record: LessonRecord): boolean =>
  exercises.length > 0 ? exercises.every((id) => record.passed.includes(id)) : record.seen.length >= steps;

/** The lessons with their goals and how far one has come. */
export function CourseList() {
  const state = useCourse();
  const { outlines, path, keeps, records } = state;
  const [making, setMaking] = useState(false);
  if (!outlines) return <p className="muted">{texts.loading}</p>;
  const lessons = lessonsInOrder(outlines, path);
  const rows = lessons.map((outline) => {
    const record = recordOf(state, outline.id);
    return { outline, record, done: isDone(outline, record) };
  });
  const next = rows.find(({ done }) => !done);
  const doneCount = rows.filter(({ done }) => done).length;
  const minutes = lessons.reduce((sum, one) => sum + one.minutes, 0);
  const foreign = [...records.values()].filter(({ key, file }) => key.startsWith('~') && file);
  const kept = new Set(foreign.map(({ key }) => key.slice(1)));
  const missing = (path?.lessons ?? []).filter((id) => !outlines.some((one) => one.id === id) && !kept.has(id));
  const begun = rows.some(({ record }) => record.seen.length > 0);
  if (making) return <PathMaker outlines={outlines} onClose={() => setMaking(false)} />;
  return (
    <div className="course">
      <header className="course-head">
        {path ? (
          <p className="small muted">
            {texts.path.label} · <span>{path.title}</span>
          </p>
        ) : (
          <p className="muted">{texts.about}</p>
        )}
        <div className="course-bar" role="img" aria-label={texts.total(doneCount, lessons.length, minutes)}>
          {rows.map(({ outline, record, done }) => (
            <span key={outline.id} data-state={done ? 'done' : record.seen.length > 0 ? 'begun' : 'new'} />
          ))}
        </div>
        <p className="small muted" aria-hidden="true">
          {texts.total(doneCount, lessons.length, minutes)}
        </p>
        {next ? (
          <button type="button" className="button primary" data-first-focus onClick={() => open(next.outline.id)}>
            {begun ? texts.goOnCourse(next.outline.title) : texts.startCourse(next.outline.title)}{' '}
            <ArrowRight size={14} aria-hidden="true" />
          </button>
        ) : (
          <p className="ok">✓ {texts.allDone}</p>
        )}
      </header>
      {keeps ? null : <p className="warn small">▲ {texts.notKept}</p>}
      <ol className="course-list">
        {rows.map(({ outline, record, done }, at) => (
          <Row
            key={outline.id}
            at={at + 1}
            outline={outline}
            record={record}
            done={done}
            after={outline.after.flatMap((id) => outlines.find((one) => one.id === id)?.title ?? [])}
          />
        ))}
      </ol>
      {missing.length > 0 ? (
        <ul className="course-missing small">
          {missing.map((id) => (
            <li key={id}>
              <strong>{texts.path.missing(id)}.</strong> {texts.path.missingAbout}
            </li>
          ))}
        </ul>
      ) : null}
      {foreign.length > 0 ? (
        <section className="course-foreign" aria-label={texts.foreignTitle}>
          <h3>{texts.foreignTitle}</h3>
          <ul>
            {foreign.map(({ key, file, passed }) => (
              <li key={key}>
                <button type="button" className="course-open" onClick={() => open(key)}>
                  {file!.title}
                </button>
                <span className="small muted">
                  {texts.foreign} · {file!.name} · {passed.length}
                </span>
                <button type="button" className="button small" aria-label={texts.forget(file!.title)} onClick={() => void forget(key)}>
                  ✕
                </button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <footer className="course-foot">
        {path ? (
          <button type="button" className="button bordered" onClick={() => followPath(null)}>
            {texts.path.leave}
          </button>
        ) : null}
        <button type="button" className="button bordered" onClick={() => document.getElementById('file-picker')?.click()}>
          {texts.openFile}
        </button>
        <button type="button" className="button bordered" onClick={() => setMaking(true)}>
          {texts.path.make}
        </button>
      </footer>
    </div>
  );
}

function Row({
  at,
  outline,
  record,
  done,
  after,
}: {
  at: number;
  outline: Outline;
  record: LessonRecord;
  done: boolean;
  after: readonly string[];
}) {
  const { id, title, minutes, goals, exercises } = outline;
  const passed = exercises.filter((one) => record.passed.includes(one)).length;
  const begun = record.seen.length > 0;
  return (
    <li className="course-row" data-lesson={id} data-state={done ? 'done' : begun ? 'begun' : 'new'}>
      <span className="course-mark" aria-hidden="true">
        {done ? <Check size={14} /> : at}
      </span>
      <div className="course-text">
        <button type="button" className="course-open" onClick={() => open(id)}>
          {title}
        </button>
        <p className="small muted">
          {[
            texts.minutes(minutes),
            exercises.length > 0 ? texts.progress(passed, exercises.length) : texts.noExercises,
            ...(done ? [texts.done] : begun ? [texts.begun] : []),
          ].join(' · ')}
        </p>
        {goals.length > 0 ? (
          <ul className="course-goals">
            {goals.map((goal) => (
              <li key={goal}>{goal}</li>
            ))}
          </ul>
        ) : null}
        {after.length > 0 ? <p className="small muted">{texts.after(after.join(', '))}</p> : null}
      </div>
    </li>
  );
}
