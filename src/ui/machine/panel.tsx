import { Cpu } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { machinePanel as texts } from '../texts/machine-panel.ts';

const MachinePanel = part(async () => ({ default: (await import('./MachinePanel.tsx')).MachinePanel }));

export const panel: PanelDef = {
  id: 'machine',
  title: texts.title,
  about: texts.about,
  icon: Cpu,
  Component: MachinePanel,
  home: { debug: ['rightBelow', 0] },
  shows: [],
  commands: [
    { id: 'machine.continue', title: texts.commands.continue, keys: ['f5'] },
    { id: 'machine.reverse', title: texts.commands.reverse, keys: ['shift+f5'] },
    { id: 'machine.over', title: texts.commands.over, keys: ['f10'] },
    { id: 'machine.into', title: texts.commands.into, keys: ['f11'] },
    { id: 'machine.out', title: texts.commands.out, keys: ['shift+f11'] },
    { id: 'machine.back', title: texts.commands.back, keys: ['shift+f10'] },
    { id: 'machine.runTo', title: texts.commands.runTo, keys: ['t'] },
    { id: 'machine.restart', title: texts.commands.restart },
    { id: 'machine.follow', title: texts.commands.follow, keys: ['l'] },
    { id: 'machine.breakpoint', title: texts.commands.breakpoint, keys: ['f9'] },
  ],
};
