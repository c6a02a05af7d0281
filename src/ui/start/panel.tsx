import { ClipboardPaste } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { start as texts } from '../texts/start.ts';

const StartPanel = part(() => import('./StartPanel.tsx').then((module) => ({ default: module.StartPanel })));

export const panel: PanelDef = {
  id: 'start',
  title: texts.title,
  about: texts.about,
  icon: ClipboardPaste,
  Component: StartPanel,
  home: { debug: ['centre', -1] },
  shows: [],
  commands: [
    { id: 'start.open', title: texts.commands.open, keys: ['mod+enter'] },
    { id: 'start.focus', title: texts.commands.focus, keys: ['p'] },
  ],
};
