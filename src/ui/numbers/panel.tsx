import { SlidersHorizontal } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../panel.ts';
import { numbersPanel as texts } from '../texts/numbers-panel.ts';

export const panel: PanelDef = {
  id: 'numbers',
  title: texts.title,
  about: texts.about,
  icon: SlidersHorizontal,
  Component: lazy(() => import('./NumbersPanel.tsx')),
  home: { explore: ['rightBelow', 10], replay: ['right', 10] },
  shows: ['node'],
};
