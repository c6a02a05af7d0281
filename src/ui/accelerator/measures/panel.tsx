import { Scale } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-measures',
  title: texts.measures.title,
  about: texts.measures.about,
  icon: Scale,
  Component: lazy(() => import('./MeasuresPanel.tsx')),
  home: { accelerator: ['rightBelow', 0] },
  shows: [],
};
