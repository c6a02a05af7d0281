import { Workflow } from 'lucide-react';
import type { PanelDef } from '../panel.ts';
import { model as texts } from '../texts/model.ts';
import { ModelPanel } from './ModelPanel.tsx';

export const panel: PanelDef = {
  id: 'model',
  title: texts.title,
  about: texts.about,
  icon: Workflow,
  Component: ModelPanel,
  home: { explore: ['left', 0], learn: ['left', 0] },
  shows: ['node', 'tensor', 'weight'],
};
