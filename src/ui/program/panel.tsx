import { Binary } from 'lucide-react';
import type { Command } from '../commands.ts';
import type { PanelDef } from '../panel.ts';
import { programCommands, program as texts } from '../texts/program.ts';
import { ProgramPanel } from './ProgramPanel.tsx';

const KEYS: { readonly [Name in keyof typeof programCommands]?: readonly string[] } = {
  find: ['f'],
  findNext: ['n'],
  findBefore: ['shift+n'],
  goTo: ['g'],
  follow: ['j'],
  back: ['b'],
  fold: ['z'],
  foldAll: ['shift+z'],
  heat: ['h'],
  ir: ['i'],
  graph: ['c'],
  edit: ['e'],
  diff: ['d'],
  nextChange: ['.'],
  previousChange: [','],
  copy: ['y'],
};

const commands = (Object.keys(KEYS) as (keyof typeof programCommands)[]).map(
  (name): Command => ({ id: `program.${name}`, title: programCommands[name], keys: KEYS[name] }),
);

export const panel: PanelDef = {
  id: 'program',
  title: texts.title,
  about: texts.about,
  icon: Binary,
  Component: ProgramPanel,
  home: { explore: ['centre', 0], debug: ['centre', 0], learn: ['centre', 0], accelerator: ['right', 3] },
  shows: ['insn', 'ir'],
  commands,
};
