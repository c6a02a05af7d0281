import { Braces } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { btfPanel as texts } from '../texts/btf-panel.ts';

export const panel: PanelDef = {
  id: 'btf',
  title: texts.title,
  about: texts.about,
  icon: Braces,
  Component: part(() => import('./BtfPanel.tsx')),
  home: { debug: ['centre', 7] },
  shows: [],
};
