import { Scale } from 'lucide-react';
import type { PanelDef } from '../panel.ts';
import { compare as texts } from '../texts/compare.ts';
import { ComparePanel } from './ComparePanel.tsx';

export const panel: PanelDef = {
  id: 'compare',
  title: texts.title,
  about: texts.about,
  icon: Scale,
  Component: ComparePanel,
  home: { explore: ['rightBelow', 0], replay: ['right', 0] },
  shows: ['packet'],
};
