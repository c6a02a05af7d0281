import { useState } from 'react';
import { useAccelerator } from '../../../workbench/accelerator.ts';
import type { UseId } from '../../../workbench/accelerator-uses.ts';
import { Panel } from '../../components/Panel.tsx';
import { accelerator } from '../../texts/accelerator.ts';
import { acceleratorPanels } from '../../texts/accelerator-panels.ts';
import { Fault } from '../Fault.tsx';
import { Segments } from '../Segments.tsx';
import { DeliveryView } from './DeliveryView.tsx';
import { LessonView } from './LessonView.tsx';
import { MapsView } from './MapsView.tsx';
import { ProgramsView } from './ProgramsView.tsx';
import '../accelerator.css';

const { hooks: texts } = accelerator;
type View = keyof typeof texts.views;

/** What runs on the engine: shipped uses and programs of the user, their maps, how they were delivered, and a lesson for each use. */
export default function HooksPanel() {
  const [view, setView] = useState<View>('programs');
  const [lesson, setLesson] = useState<UseId | null>(null);
  const attached = useAccelerator((state) => state.snapshot?.hooks.length ?? 0);
  const read = (use: UseId) => {
    setLesson(use);
    setView('lesson');
  };
  return (
    <Panel id="accel-hooks" title={acceleratorPanels.hooks.title} summary={texts.summary(attached)}>
      <div className="accel-bar">
        <Segments label={acceleratorPanels.hooks.title} names={texts.views} value={view} onChange={setView} />
      </div>
      <Fault place="hooks" />
      {view === 'programs' ? <ProgramsView onLesson={read} /> : null}
      {view === 'maps' ? <MapsView /> : null}
      {view === 'delivery' ? <DeliveryView /> : null}
      {view === 'lesson' ? <LessonView use={lesson} onUse={setLesson} /> : null}
    </Panel>
  );
}
