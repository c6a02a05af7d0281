import { ShieldCheck } from 'lucide-react';
import type { PanelDef } from '../panel.ts';
import { verifier as texts } from '../texts/verifier.ts';
import { VerifierPanel } from './VerifierPanel.tsx';

export const panel: PanelDef = {
  id: 'verifier',
  title: texts.title,
  about: texts.about,
  icon: ShieldCheck,
  Component: VerifierPanel,
  home: { explore: ['right', 0], debug: ['right', 0], learn: ['right', 0], accelerator: ['right', 2] },
  shows: ['state'],
  commands: [
    { id: 'verifier.why', title: texts.commands.why, keys: ['w'] },
    { id: 'verifier.budget', title: texts.commands.budget, keys: ['b'] },
    { id: 'verifier.state', title: texts.commands.state, keys: ['s'] },
    { id: 'verifier.step.next', title: texts.commands.next, keys: ['n'] },
    { id: 'verifier.step.previous', title: texts.commands.previous, keys: ['p'] },
    { id: 'verifier.log', title: texts.commands.log, keys: ['l'] },
    { id: 'verifier.side', title: texts.commands.side, keys: ['a'] },
    { id: 'verifier.next-visit', title: texts.commands.nextVisit, keys: ['v'] },
    { id: 'verifier.previous-visit', title: texts.commands.previousVisit, keys: ['shift+v'] },
    { id: 'verifier.forward', title: texts.commands.forward, keys: ['.'] },
    { id: 'verifier.back', title: texts.commands.back, keys: [','] },
  ],
};
