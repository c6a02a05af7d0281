import { Plug } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { kernelPanel as texts } from '../texts/kernel-panel.ts';

export const panel: PanelDef = {
  id: 'kernel',
  title: texts.title,
  about: texts.about,
  icon: Plug,
  Component: part(() => import('./KernelPanel.tsx')),
  home: { debug: ['centre', 7] },
  shows: ['packet'],
  commands: [
    { id: 'kernel.ask', title: texts.commands.ask, keys: ['k'] },
    { id: 'kernel.next', title: texts.commands.next, keys: ['n'] },
  ],
};
