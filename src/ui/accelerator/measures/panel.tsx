import { Scale } from 'lucide-react';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';
import { part } from '../../components/part.tsx';

export const panel: PanelDef = {
  id: 'accel-measures',
  title: texts.measures.title,
  about: texts.measures.about,
  icon: Scale,
  Component: part(() => import('./MeasuresPanel.tsx')),
  home: { accelerator: ['rightBelow', 0] },
  shows: [],
};
