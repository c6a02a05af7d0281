import { Binary } from 'lucide-react';
import type { PanelDef } from '../panel.ts';
import { program as texts } from '../texts/program.ts';
import { ProgramPanel } from './ProgramPanel.tsx';

export const panel: PanelDef = {
  id: 'program',
  title: texts.title,
  about: texts.about,
  icon: Binary,
  Component: ProgramPanel,
  home: { explore: ['centre', 0], debug: ['centre', 0], learn: ['centre', 0] },
  shows: ['insn', 'ir'],
};
