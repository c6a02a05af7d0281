import { Plug } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-hooks',
  title: texts.hooks.title,
  about: texts.hooks.about,
  icon: Plug,
  Component: lazy(() => import('./HooksPanel.tsx')),
  home: { accelerator: ['right', 0] },
  shows: [],
};
