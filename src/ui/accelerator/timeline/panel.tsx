import { ListVideo } from 'lucide-react';
import { part } from '../../components/part.tsx';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-timeline',
  title: texts.timeline.title,
  about: texts.timeline.about,
  icon: ListVideo,
  Component: part(() => import('./TimelinePanel.tsx')),
  home: { accelerator: ['below', 0] },
  shows: [],
  commands: [{ id: 'accel-timeline.fit', title: texts.commands.fit, keys: ['f'] }],
};
