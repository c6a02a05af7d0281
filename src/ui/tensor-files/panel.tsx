import { Images } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { tensorFilesPanel as texts } from '../texts/tensor-files-panel.ts';

export const panel: PanelDef = {
  id: 'tensor-files',
  title: texts.title,
  about: texts.about,
  icon: Images,
  Component: part(() => import('./TensorFilesPanel.tsx')),
  home: { replay: ['right', 5] },
  shows: ['packet'],
};
