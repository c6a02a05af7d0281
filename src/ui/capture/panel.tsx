import { Network } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { capturePanel as texts } from '../texts/capture-panel.ts';

export const panel: PanelDef = {
  id: 'capture',
  title: texts.title,
  about: texts.about,
  icon: Network,
  Component: part(() => import('./CapturePanel.tsx')),
  home: { replay: ['centre', 5] },
  shows: [],
};
