import { Workflow } from 'lucide-react';
import type { Command } from '../commands.ts';
import type { PanelDef } from '../panel.ts';
import { overlays as overlayTexts, model as texts } from '../texts/model.ts';
import { ModelPanel } from './ModelPanel.tsx';
import { chooseOverlay, OVERLAYS } from './overlays.ts';

const commands: readonly Command[] = [
  { id: 'model.overlay.next', title: overlayTexts.next, keys: ['o'] },
  ...OVERLAYS.map(({ id, title }) => ({ id: `model.overlay.${id}`, title: overlayTexts.choose(title), run: () => chooseOverlay(id) })),
  { id: 'model.overlay.none', title: overlayTexts.none, run: () => chooseOverlay(null) },
];

export const panel: PanelDef = {
  id: 'model',
  title: texts.title,
  about: texts.about,
  icon: Workflow,
  Component: ModelPanel,
  home: { explore: ['left', 0], learn: ['left', 0] },
  shows: ['node', 'tensor', 'weight'],
  commands,
};
