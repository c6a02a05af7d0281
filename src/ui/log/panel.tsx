import { ScrollText } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { logPanel as texts } from '../texts/log-panel.ts';

const LogPanel = part(() => import('./LogPanel.tsx').then((module) => ({ default: module.LogPanel })));

const { commands } = texts;

export const panel: PanelDef = {
  id: 'log',
  title: texts.title,
  about: texts.about,
  icon: ScrollText,
  Component: LogPanel,
  home: { debug: ['below', 0] },
  shows: ['insn'],
  commands: [
    { id: 'log.find', title: commands.find, keys: ['f', '/'] },
    { id: 'log.next', title: commands.next, keys: ['n'] },
    { id: 'log.previous', title: commands.previous, keys: ['shift+n'] },
    { id: 'log.only', title: commands.only, keys: ['o'] },
    { id: 'log.failure', title: commands.failure, keys: ['e'] },
    { id: 'log.insn', title: commands.insn, keys: ['g'] },
    { id: 'log.next-visit', title: commands.nextVisit, keys: ['v'] },
    { id: 'log.previous-visit', title: commands.previousVisit, keys: ['shift+v'] },
    { id: 'log.path-next', title: commands.pathNext, keys: ['.'] },
    { id: 'log.path-previous', title: commands.pathPrevious, keys: [','] },
    { id: 'log.fold', title: commands.fold, keys: ['m'] },
    { id: 'log.state', title: commands.state, keys: ['s'] },
    { id: 'log.download', title: commands.download },
    { id: 'log.copy', title: commands.copy },
  ],
};
