import { Plug } from 'lucide-react';
import { part } from '../../components/part.tsx';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-hooks',
  title: texts.hooks.title,
  about: texts.hooks.about,
  icon: Plug,
  Component: part(() => import('./HooksPanel.tsx')),
  home: { accelerator: ['right', 0] },
  shows: [],
};
