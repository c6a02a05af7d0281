import { type ReactNode, useContext } from 'react';
import { eventOf } from '../../../workbench/event-values.ts';
import { useWorkbench } from '../../../workbench/store.ts';
import type { ModelView } from '../../../workbench/views.ts';
import { course } from '../../texts/course.ts';
import { Surroundings } from '../Prose.tsx';

const texts = course.tools;
const SAMPLE = 'payload-ids';

interface Subject {
  readonly programKey: string;
  readonly model: ModelView;
  /** Number of the event at the cursor. */
  readonly event: number;
}

/** Shows a tool once there is a compiled model and an event to run in it; until then says what is missing, with a way to it. */
export function Ready({ children }: { children: (subject: Subject) => ReactNode }) {
  const program = useWorkbench((state) => state.stages.program.value);
  const model = useWorkbench((state) => state.stages.model.value);
  const event = useWorkbench(eventOf);
  const comes = useWorkbench(
    ({ history: { doc }, stages }) =>
      doc.source?.kind === 'model' && doc.trace !== null && stages.model.status !== 'error' && stages.trace.status !== 'error',
  );
  const { go } = useContext(Surroundings);
  if (program?.modelKey && model && event >= 0) return children({ programKey: program.key, model, event });
  if (comes) return <p className="muted">{course.computing}</p>;
  return (
    <p className="muted">
      {texts.needs}{' '}
      <button type="button" className="lesson-go" onClick={() => go?.({ open: SAMPLE })}>
        {texts.open(SAMPLE)}
      </button>
    </p>
  );
}
