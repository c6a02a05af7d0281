import { Activity } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { profilePanel as texts } from '../texts/profile-panel.ts';

const ProfilePanel = part(async () => ({ default: (await import('./ProfilePanel.tsx')).ProfilePanel }));

export const panel: PanelDef = {
  id: 'profile',
  title: texts.title,
  about: texts.about,
  icon: Activity,
  Component: ProfilePanel,
  home: { debug: ['below', 1], replay: ['right', 1] },
  shows: [],
  commands: [
    { id: 'profile.event', title: texts.commands.event, keys: ['e'] },
    { id: 'profile.trace', title: texts.commands.trace, keys: ['a'] },
    { id: 'profile.listing', title: texts.commands.listing, keys: ['h'] },
  ],
};
