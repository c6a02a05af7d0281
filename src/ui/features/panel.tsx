import { Table2 } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../panel.ts';
import { featuresPanel as texts } from '../texts/features-panel.ts';

export const panel: PanelDef = {
  id: 'features',
  title: texts.title,
  about: texts.about,
  icon: Table2,
  Component: lazy(() => import('./FeaturesPanel.tsx')),
  home: { replay: ['right', 4] },
  shows: ['packet'],
};
