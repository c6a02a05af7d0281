import { MessageSquareText } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { textPanel as texts } from '../texts/text-panel.ts';

const TextPanel = part(async () => ({ default: (await import('./TextPanel.tsx')).TextPanel }));

export const panel: PanelDef = {
  id: 'text',
  title: texts.title,
  about: texts.about,
  icon: MessageSquareText,
  Component: TextPanel,
  home: { learn: ['centre', 5] },
  shows: [],
  commands: [
    { id: 'text.write', title: texts.commands.write, keys: ['mod+enter'] },
    { id: 'text.stop', title: texts.commands.stop, keys: ['escape'] },
  ],
};
