import { ListVideo } from 'lucide-react';
import type { PanelDef } from '../panel.ts';
import { trace as texts } from '../texts/trace.ts';
import { TracePanel } from './TracePanel.tsx';

export const panel: PanelDef = {
  id: 'trace',
  title: texts.title,
  about: texts.about,
  icon: ListVideo,
  Component: TracePanel,
  home: { explore: ['below', 0], replay: ['centre', 0] },
  shows: ['packet', 'byte'],
  commands: [
    { id: 'replay.pause', title: texts.commands.pause, keys: ['p'] },
    { id: 'replay.step', title: texts.commands.step, keys: ['n'] },
    { id: 'replay.stop', title: texts.commands.stop, keys: ['s'] },
    { id: 'replay.restart', title: texts.commands.restart },
  ],
};
