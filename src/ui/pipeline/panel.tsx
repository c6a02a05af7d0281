import { Workflow } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { pipelinePanel as texts } from '../texts/pipeline-panel.ts';

export const panel: PanelDef = {
  id: 'pipeline',
  title: texts.title,
  about: texts.about,
  icon: Workflow,
  Component: part(() => import('./PipelinePanel.tsx')),
  home: { explore: ['below', 5] },
  shows: ['node', 'ir', 'insn'],
  commands: [
    { id: 'pipeline.back', title: texts.commands.back, keys: [','] },
    { id: 'pipeline.next', title: texts.commands.next, keys: ['.'] },
    { id: 'pipeline.try', title: texts.commands.tryOptions, keys: ['w'] },
  ],
};
