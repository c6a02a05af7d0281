import { Radio } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../panel.ts';
import { effectsPanel as texts } from '../texts/effects-panel.ts';

export const panel: PanelDef = {
  id: 'effects',
  title: texts.title,
  about: texts.about,
  icon: Radio,
  Component: lazy(() => import('./EffectsPanel.tsx')),
  home: { replay: ['right', 3] },
  shows: ['packet'],
};
