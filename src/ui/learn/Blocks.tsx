import { CircleCheck, CircleDashed, Eye } from 'lucide-react';
import { Suspense, useContext, useEffect } from 'react';
import type { Block, Condition, Live, Scene } from '../../course/lesson.ts';
import { change, recordOf, useCourse } from '../../workbench/course/store.ts';
import { announce, useWorkbench } from '../../workbench/store.ts';
import { PANELS } from '../shell/panels.ts';
import { course as texts } from '../texts/course.ts';
import { ExerciseView } from './ExerciseView.tsx';
import { Prose, Surroundings } from './Prose.tsx';
import { holds } from './stage.ts';
import { isWidget, WIDGETS } from './widgets.ts';

/** Parts of a step, or of an exercise's task. `place` names them in what is kept. */
export function Blocks({ blocks, place }: { blocks: readonly Block[]; place: string }) {
  return blocks.map((block, at) => {
    const here = `${place}.${at}`;
    switch (block.kind) {
      case 'text':
        return <Prose key={here} nodes={[block.node]} />;
      case 'show':
        return <Show key={here} scene={block.scene} />;
      case 'task':
        return <Task key={here} place={here} until={block.until} text={<Prose nodes={block.text} />} />;
      case 'live':
        return <LiveView key={here} live={block.live} caption={<Prose nodes={block.caption} />} />;
      default:
        return <ExerciseView key={here} exercise={block.exercise} place={here} />;
    }
  });
}

/** Where the tool was driven when the step opened, with a way to bring it back. */
function Show({ scene }: { scene: Scene }) {
  const { go } = useContext(Surroundings);
  const what = [scene.open, scene.panel && (PANELS.get(scene.panel)?.title ?? scene.panel), scene.select].filter(Boolean).join(' · ');
  if (!go || what === '') return null;
  return (
    <p className="lesson-show">
      <button type="button" className="button small" title={texts.show} onClick={() => go(scene)}>
        <Eye size={14} aria-hidden="true" /> {texts.showing(what)}
      </button>
    </p>
  );
}

/** Something to do in the tool, which is seen to be done. */
function Task({ place, until, text }: { place: string; until: Condition; text: React.ReactNode }) {
  const { go } = useContext(Surroundings);
  const key = useCourse((state) => state.open?.key ?? '');
  const done = useCourse((state) => recordOf(state, key).tasks.includes(place));
  useEffect(() => {
    if (done || !go) return;
    let seen = false;
    const look = () => {
      // Saying that it is done changes what is watched.
      if (seen || !holds(until, useWorkbench.getState())) return;
      seen = true;
      change(key, (record) => (record.tasks.includes(place) ? record : { ...record, tasks: [...record.tasks, place] }));
      announce(texts.taskDone);
    };
    look();
    const stop = useWorkbench.subscribe(look);
    // Panels come to the front by clicks and keys.
    const later = () => requestAnimationFrame(look);
    if (until.panel) for (const event of ['click', 'keyup']) document.addEventListener(event, later);
    return () => {
      stop();
      for (const event of ['click', 'keyup']) document.removeEventListener(event, later);
    };
  }, [done, go, key, place, until]);
  return (
    <div className="lesson-task" data-task={place} data-done={done}>
      {done ? <CircleCheck size={16} className="ok" aria-hidden="true" /> : <CircleDashed size={16} aria-hidden="true" />}
      <div>
        <p className="small muted">{done ? texts.taskDone : texts.task}</p>
        <p>{text}</p>
      </div>
    </div>
  );
}

/** A widget of the page within the text. */
function LiveView({ live: { widget, args }, caption }: { live: Live; caption: React.ReactNode }) {
  const { go } = useContext(Surroundings);
  const Component = isWidget(widget) ? WIDGETS[widget] : undefined;
  if (!go) return null;
  return (
    <figure className="lesson-live" tabIndex={-1} data-widget={widget}>
      <figcaption>{caption}</figcaption>
      {Component ? (
        <Suspense fallback={<p className="muted">{texts.loading}</p>}>
          <Component args={args} />
        </Suspense>
      ) : (
        <p className="muted">{texts.noWidget(widget)}</p>
      )}
    </figure>
  );
}
