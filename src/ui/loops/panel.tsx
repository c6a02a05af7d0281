import { Repeat } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { loopsPanel as texts } from '../texts/loops-panel.ts';

export const panel: PanelDef = {
  id: 'loops',
  title: texts.title,
  about: texts.about,
  icon: Repeat,
  Component: part(() => import('./LoopsPanel.tsx')),
  home: { explore: ['rightBelow', 9], debug: ['below', 9] },
  shows: ['insn'],
};
