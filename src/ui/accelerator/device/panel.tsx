import { Cpu } from 'lucide-react';
import { part } from '../../components/part.tsx';
import type { PanelDef } from '../../panel.ts';
import { acceleratorPanels as texts } from '../../texts/accelerator-panels.ts';

export const panel: PanelDef = {
  id: 'accel-device',
  title: texts.device.title,
  about: texts.device.about,
  icon: Cpu,
  Component: part(() => import('./DevicePanel.tsx')),
  home: { accelerator: ['centre', 0] },
  shows: [],
  commands: [
    { id: 'accel-device.run', title: texts.commands.run, keys: ['r'] },
    { id: 'accel-device.step', title: texts.commands.step, keys: ['s'] },
    { id: 'accel-device.reset', title: texts.commands.reset },
  ],
};
