import { Table2 } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { featuresPanel as texts } from '../texts/features-panel.ts';

export const panel: PanelDef = {
  id: 'features',
  title: texts.title,
  about: texts.about,
  icon: Table2,
  Component: part(() => import('./FeaturesPanel.tsx')),
  home: { replay: ['right', 4] },
  shows: ['packet'],
};
