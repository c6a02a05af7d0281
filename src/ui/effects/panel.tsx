import { Radio } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { effectsPanel as texts } from '../texts/effects-panel.ts';

export const panel: PanelDef = {
  id: 'effects',
  title: texts.title,
  about: texts.about,
  icon: Radio,
  Component: part(() => import('./EffectsPanel.tsx')),
  home: { replay: ['right', 3] },
  shows: ['packet'],
};
