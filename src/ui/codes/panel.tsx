import { Columns2 } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { codesPanel as texts } from '../texts/codes-panel.ts';

export const panel: PanelDef = {
  id: 'codes',
  title: texts.title,
  about: texts.about,
  icon: Columns2,
  Component: part(() => import('./CodesPanel.tsx')),
  home: { debug: ['centre', 6] },
  shows: ['insn'],
  commands: [
    { id: 'codes.next', title: texts.commands.next, keys: ['n'] },
    { id: 'codes.previous', title: texts.commands.previous, keys: ['shift+n'] },
  ],
};
