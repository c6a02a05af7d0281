import { MessageCircleQuestion } from 'lucide-react';
import { lazy } from 'react';
import type { PanelDef } from '../panel.ts';
import { messagesPanel as texts } from '../texts/messages-panel.ts';

export const panel: PanelDef = {
  id: 'messages',
  title: texts.title,
  about: texts.about,
  icon: MessageCircleQuestion,
  Component: lazy(() => import('./MessagesPanel.tsx')),
  home: { debug: ['centre', 9], learn: ['centre', 9] },
  shows: [],
};

// A link to a page of the catalogue; whatever project opens stays as it is.
const follow = (): void => {
  if (location.hash.startsWith('#message=')) void import('./open.ts').then(({ openPage }) => openPage(location.hash.slice(9)));
};
if (typeof window !== 'undefined') {
  window.addEventListener('hashchange', follow);
  follow();
}
