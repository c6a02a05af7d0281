import { CircleHelp } from 'lucide-react';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { messagesPanel as texts } from '../texts/messages-panel.ts';

export const panel: PanelDef = {
  id: 'messages',
  title: texts.title,
  about: texts.about,
  icon: CircleHelp,
  Component: part(() => import('./MessagesPanel.tsx')),
  home: { debug: ['centre', 9], learn: ['centre', 9] },
  shows: [],
};

// A link to a page of the catalogue; whatever project opens stays as it is.
const follow = (): void => {
  const [, id] = location.hash.split('#message=');
  if (id) void import('./open.ts').then((pages) => pages.openPage(id));
};
if (globalThis.location) {
  addEventListener('hashchange', follow);
  follow();
}
