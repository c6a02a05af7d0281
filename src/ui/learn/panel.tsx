import { GraduationCap } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../panel.ts';
import { learnPanel as texts } from '../texts/learn-panel.ts';

export const panel: PanelDef = {
  id: 'learn',
  title: texts.title,
  about: texts.about,
  icon: GraduationCap,
  Component: lazy(() => import('./LearnPanel.tsx')),
  home: { learn: ['left', 0] },
  shows: ['insn'],
};
