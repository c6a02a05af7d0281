import { SlidersHorizontal } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { numbersPanel as texts } from '../texts/numbers-panel.ts';

export const panel: PanelDef = {
  id: 'numbers',
  title: texts.title,
  about: texts.about,
  icon: SlidersHorizontal,
  Component: part(() => import('./NumbersPanel.tsx')),
  home: { explore: ['rightBelow', 10], replay: ['right', 10] },
  shows: ['node'],
};
