import { useEffect, useState } from 'react';
import { createPortal, flushSync } from 'react-dom';
import type { Block, Exercise } from '../../course/lesson.ts';
import type { OpenLesson } from '../../workbench/course/store.ts';
import { course as texts } from '../texts/course.ts';
import { kindOf } from './ExerciseView.tsx';
import { Prose, Surroundings } from './Prose.tsx';
import { Source } from './Source.tsx';

/** Lines of room for an answer, beside those of what stands there at first. */
const ROOM = 8;

/** The whole lesson as it is printed: every step, exercises with room to write, no answers. It is there only while the browser prints. */
export function Paper({ open }: { open: OpenLesson }) {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    const before = () => flushSync(() => setPrinting(true));
    const after = () => setPrinting(false);
    window.addEventListener('beforeprint', before);
    window.addEventListener('afterprint', after);
    return () => {
      window.removeEventListener('beforeprint', before);
      window.removeEventListener('afterprint', after);
    };
  }, []);
  if (!printing) return null;
  const { lesson, terms, values, foreign } = open;
  return createPortal(
    <Surroundings value={{ terms, values, go: null }}>
      <article className="lesson-paper">
        <h1>{lesson.title}</h1>
        <p className="muted">
          {texts.minutes(lesson.minutes)}
          {foreign ? ` · ${texts.foreign}` : ''}
        </p>
        {lesson.goals.length > 0 ? (
          <>
            <p>{texts.goals}</p>
            <ul>
              {lesson.goals.map((goal) => (
                <li key={goal}>{goal}</li>
              ))}
            </ul>
          </>
        ) : null}
        {lesson.steps.map((step) => (
          <section key={step.line}>
            <h2>{step.title}</h2>
            <PaperBlocks blocks={step.blocks} />
          </section>
        ))}
      </article>
    </Surroundings>,
    document.body,
  );
}

function PaperBlocks({ blocks }: { blocks: readonly Block[] }) {
  return blocks.map((block, at) => {
    if (block.kind === 'text') return <Prose key={at} nodes={[block.node]} />;
    if (block.kind === 'task')
      return (
        <p key={at} className="paper-task">
          <Prose nodes={block.text} />
        </p>
      );
    if (block.kind === 'live')
      return (
        <p key={at} className="paper-live">
          {texts.tools.paper} <Prose nodes={block.caption} />
        </p>
      );
    return block.kind === 'exercise' ? <PaperExercise key={at} exercise={block.exercise} /> : null;
  });
}

function PaperExercise({ exercise }: { exercise: Exercise }) {
  return (
    <section className="paper-exercise">
      <h3>
        {texts.exercise.word}: {exercise.title}
      </h3>
      <PaperBlocks blocks={exercise.task} />
      {exercise.start ? <Source text={exercise.start} kind={kindOf(exercise)} /> : null}
      <p className="small">{texts.exercise.space}</p>
      <div className="paper-room" style={{ height: `${exercise.kind === 'value' ? 2 : exercise.start.split('\n').length + ROOM}lh` }} />
    </section>
  );
}
