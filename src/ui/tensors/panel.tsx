import { Grid3x3 } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { tensorsPanel as texts } from '../texts/tensors-panel.ts';

const TensorsPanel = part(async () => ({ default: (await import('./TensorsPanel.tsx')).TensorsPanel }));

export const panel: PanelDef = {
  id: 'tensors',
  title: texts.title,
  about: texts.about,
  icon: Grid3x3,
  Component: TensorsPanel,
  home: { explore: ['rightBelow', 1], replay: ['rightBelow', 0] },
  shows: ['tensor', 'element', 'node'],
  commands: [
    { id: 'tensors.program', title: texts.commands.program, keys: ['p'] },
    { id: 'tensors.reference', title: texts.commands.reference, keys: ['r'] },
    { id: 'tensors.difference', title: texts.commands.difference, keys: ['d'] },
    { id: 'tensors.zoomIn', title: texts.commands.zoomIn, keys: ['+', '='] },
    { id: 'tensors.zoomOut', title: texts.commands.zoomOut, keys: ['-'] },
    { id: 'tensors.first', title: texts.commands.first, keys: ['f'] },
    { id: 'tensors.source', title: texts.commands.source, keys: ['o'] },
    { id: 'tensors.worst', title: texts.commands.worst, keys: ['w'] },
  ],
};
