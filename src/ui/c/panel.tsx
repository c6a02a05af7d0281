import { FileCode } from 'lucide-react';
import { currentDoc } from '../../workbench/store.ts';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { cPanel as texts } from '../texts/c-panel.ts';

const CPanel = part(() => import('./CPanel.tsx'));

export const panel: PanelDef = {
  id: 'c',
  title: texts.title,
  about: texts.about,
  icon: FileCode,
  Component: CPanel,
  home: { debug: ['below', 2], accelerator: ['right', 1] },
  shows: ['insn'],
  commands: [
    { id: 'c.build', title: texts.commands.build, keys: ['mod+enter'] },
    { id: 'c.call', title: texts.commands.call, enabled: () => currentDoc().source?.kind === 'model' },
    { id: 'c.line', title: texts.commands.line, keys: ['alt+enter'] },
  ],
};
