import { MoveHorizontal } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { intervalPanel as texts } from '../texts/interval-panel.ts';

export const panel: PanelDef = {
  id: 'interval',
  title: texts.title,
  about: texts.about,
  icon: MoveHorizontal,
  Component: part(() => import('./IntervalPanel.tsx')),
  home: { debug: ['below', 8] },
  shows: ['insn'],
};
