import { Check, CircleCheck, Lightbulb, RotateCcw, SquareArrowOutUpRight } from 'lucide-react';
import { useContext, useId, useState } from 'react';
import type { CheckRow } from '../../course/grade.ts';
import type { Exercise } from '../../course/lesson.ts';
import { change, checkAnswer, dropGrade, gradeKey, recordOf, useCourse } from '../../workbench/course/store.ts';
import { announce } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { course } from '../texts/course.ts';
import { AnswerEditor } from './AnswerEditor.tsx';
import { Blocks } from './Blocks.tsx';
import { Prose, Surroundings } from './Prose.tsx';
import { Source, type SourceKind } from './Source.tsx';

const { exercise: texts } = course;

export const kindOf = ({ kind }: Exercise): SourceKind => (kind === 'bpf' || kind === 'c' ? kind : 'plain');

/** An exercise: its task, the learner's answer, hints, and what the checks observed. */
export function ExerciseView({ exercise, place }: { exercise: Exercise; place: string }) {
  const { go } = useContext(Surroundings);
  const key = useCourse((state) => state.open?.key ?? '');
  const record = useCourse((state) => recordOf(state, key));
  const grade = useCourse((state) => state.grades.get(gradeKey(key, exercise.id)) ?? null);
  const { progress, running, error, run, cancel } = useTask();
  const [checked, setChecked] = useState<string | null>(null);
  const [shown, setShown] = useState(false);
  const id = useId();
  const answer = record.answers[exercise.id] ?? exercise.start;
  const hints = Math.min(record.hints[exercise.id] ?? 0, exercise.hints.length);
  const passed = record.passed.includes(exercise.id);
  const tried = (record.tries[exercise.id] ?? 0) > 0;
  const program = exercise.kind === 'bpf' || exercise.kind === 'c';

  const write = (text: string) => change(key, (before) => ({ ...before, answers: { ...before.answers, [exercise.id]: text } }));
  const check = () => {
    if (running) return;
    announce(texts.checking);
    void run(
      (options) => checkAnswer(exercise.id, answer, options),
      (found) => {
        setChecked(answer);
        announce(found.passed ? texts.passed : `${texts.notYet}. ${told(found.rows)}`);
      },
    );
  };
  const hint = () => change(key, (before) => ({ ...before, hints: { ...before.hints, [exercise.id]: hints + 1 } }));
  const reset = () => {
    change(key, (before) => ({
      ...before,
      answers: Object.fromEntries(Object.entries(before.answers).filter(([one]) => one !== exercise.id)),
    }));
    dropGrade(exercise.id);
    setShown(false);
  };
  const show = () => {
    setShown(true);
    if (!passed && !record.shown.includes(exercise.id)) change(key, (before) => ({ ...before, shown: [...before.shown, exercise.id] }));
  };
  const stale = grade !== null && checked !== null && checked !== answer;
  return (
    <section
      className="exercise"
      tabIndex={-1}
      aria-labelledby={`${id}-title`}
      data-exercise={exercise.id}
      data-passed={passed}
      data-kind={exercise.kind}
    >
      <header className="exercise-head">
        <div className="grow">
          <p className="exercise-word small">
            {texts.word} · {texts.kinds[exercise.kind]}
            {exercise.kind === 'value' ? null : ` · ${texts.rules(exercise.kernel)}`}
          </p>
          <h4 id={`${id}-title`}>{exercise.title}</h4>
        </div>
        {passed ? (
          <span className="exercise-done ok small">
            <CircleCheck size={14} aria-hidden="true" /> {record.shown.includes(exercise.id) ? texts.passedShown : texts.already}
          </span>
        ) : null}
      </header>
      <Blocks blocks={exercise.task} place={place} />
      {exercise.kind === 'value' ? (
        <input
          className="field answer-value mono"
          aria-label={texts.answerTo(exercise.title)}
          placeholder={texts.answer}
          autoComplete="off"
          spellCheck={false}
          value={answer}
          aria-invalid={grade !== null && !grade.passed && !stale}
          aria-describedby={`${id}-told`}
          onChange={(event) => write(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') check();
          }}
        />
      ) : (
        <AnswerEditor
          text={answer}
          kind={kindOf(exercise)}
          label={texts.answerTo(exercise.title)}
          badLine={stale ? null : (grade?.answerLine ?? null)}
          invalid={grade !== null && !grade.passed && !stale}
          describedBy={`${id}-told`}
          onChange={write}
          onCheck={check}
        />
      )}
      <div className="exercise-bar">
        <button type="button" className="button primary" data-check aria-disabled={running} onClick={check}>
          <Check size={14} aria-hidden="true" /> {texts.check}
        </button>
        {hints < exercise.hints.length ? (
          <button type="button" className="button bordered" data-hint onClick={hint}>
            <Lightbulb size={14} aria-hidden="true" /> {texts.nextHint(hints + 1, exercise.hints.length)}
          </button>
        ) : null}
        {program && go ? (
          <button
            type="button"
            className="button"
            title={texts.programAbout}
            onClick={() => go({ program: exercise.id, panel: 'program' })}
          >
            <SquareArrowOutUpRight size={14} aria-hidden="true" /> {texts.program}
          </button>
        ) : null}
        <span className="grow" />
        {answer !== exercise.start ? (
          <button type="button" className="button" onClick={reset}>
            <RotateCcw size={14} aria-hidden="true" /> {texts.reset}
          </button>
        ) : null}
      </div>
      {hints > 0 ? (
        <ol className="exercise-hints">
          {exercise.hints.slice(0, hints).map((one, at) => (
            <li key={at}>
              <p className="small muted">{texts.hint(at + 1, exercise.hints.length)}</p>
              <Prose nodes={one} />
            </li>
          ))}
        </ol>
      ) : null}
      {running ? <Progress progress={progress} label={texts.checking} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      <div id={`${id}-told`}>
        {grade && !running ? <Feedback rows={grade.rows} passed={grade.passed} line={grade.answerLine} stale={stale} /> : null}
      </div>
      {tried && !shown ? (
        <button type="button" className="button exercise-solution" onClick={show}>
          {texts.solution}
        </button>
      ) : null}
      {shown ? (
        <div className="exercise-shown" tabIndex={-1} ref={focusOn}>
          <p className="small muted">{texts.aSolution}</p>
          <Source text={exercise.solution} kind={kindOf(exercise)} />
        </div>
      ) : null}
    </section>
  );
}

/** The button that showed it is gone. */
const focusOn = (element: HTMLElement | null): void => element?.focus({ preventScroll: true });

const told = (rows: readonly CheckRow[]): string =>
  rows
    .filter((row) => !row.passed)
    .map(({ observed, advice }) => [observed, advice].filter(Boolean).join(' '))
    .join(' ');

function Feedback({ rows, passed, line, stale }: { rows: readonly CheckRow[]; passed: boolean; line: number | null; stale: boolean }) {
  return (
    <div className={`feedback ${passed ? 'feedback-ok' : 'feedback-bad'}`} data-feedback={passed ? 'passed' : 'failed'}>
      <p className="feedback-head">
        <span aria-hidden="true">{passed ? '✓' : '✕'}</span> {passed ? texts.passed : texts.notYet}
        {line === null ? null : <span className="small">{texts.line(line)}</span>}
        {stale ? <span className="small muted">{texts.stale}</span> : null}
      </p>
      <ul>
        {rows.map((row) => (
          <li key={`${row.line} ${row.name}`} data-passed={row.passed}>
            <span className={row.passed ? 'ok' : 'bad'} aria-hidden="true">
              {row.passed ? '✓' : '✕'}
            </span>
            <div>
              <p className="feedback-name">{row.name}</p>
              {row.passed ? null : (
                <>
                  <p className="feedback-seen">{row.observed}</p>
                  {row.advice ? <p className="feedback-advice">{row.advice}</p> : null}
                </>
              )}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
