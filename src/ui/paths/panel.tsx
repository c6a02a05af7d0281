import { Waypoints } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { pathsPanel as texts } from '../texts/paths-panel.ts';

const PathsPanel = part(() => import('./PathsPanel.tsx').then((module) => ({ default: module.PathsPanel })));

const { commands } = texts;

export const panel: PanelDef = {
  id: 'paths',
  title: texts.title,
  about: texts.about,
  icon: Waypoints,
  Component: PathsPanel,
  home: { debug: ['below', 1] },
  shows: ['insn', 'state'],
  commands: [
    { id: 'paths.tree', title: commands.tree, keys: ['p'] },
    { id: 'paths.rounds', title: commands.rounds, keys: ['r'] },
    { id: 'paths.range', title: commands.range, keys: ['g'] },
    { id: 'paths.forward', title: commands.forward, keys: ['.'] },
    { id: 'paths.back', title: commands.back, keys: [','] },
    { id: 'paths.failing', title: commands.failing, keys: ['e'] },
  ],
};
