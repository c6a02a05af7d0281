import { Scale } from 'lucide-react';
import { part } from '../../components/part.tsx';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-measures',
  title: texts.measures.title,
  about: texts.measures.about,
  icon: Scale,
  Component: part(() => import('./MeasuresPanel.tsx')),
  home: { accelerator: ['rightBelow', 0] },
  shows: [],
};
