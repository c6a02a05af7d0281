import { Workflow } from 'lucide-react';
import type { Command } from '../commands.ts';
import type { PanelDef } from '../panel.ts';
import {
  compare as compareTexts,
  exports as exportTexts,
  graph as graphTexts,
  overlays as overlayTexts,
  model as texts,
} from '../texts/model.ts';
import { leaveComparison, useComparison } from './compare-store.ts';
import { ModelPanel } from './ModelPanel.tsx';
import { chooseOverlay, OVERLAYS } from './overlays.ts';

const { commands: titles } = graphTexts;

const commands: readonly Command[] = [
  { id: 'model.graph.find', title: titles.find, keys: ['f', '/'] },
  { id: 'model.graph.paths', title: titles.paths, keys: ['p'] },
  { id: 'model.graph.tensor', title: titles.tensor, keys: ['t'] },
  { id: 'model.graph.fold', title: titles.fold, keys: ['c'] },
  { id: 'model.graph.openAll', title: titles.openAll },
  { id: 'model.graph.foldAll', title: titles.foldAll },
  { id: 'model.graph.zoomIn', title: titles.zoomIn, keys: ['+', '='] },
  { id: 'model.graph.zoomOut', title: titles.zoomOut, keys: ['-'] },
  { id: 'model.graph.whole', title: titles.whole, keys: ['0'] },
  { id: 'model.list', title: titles.list, keys: ['g'] },
  { id: 'model.compare.start', title: compareTexts.start },
  { id: 'model.compare.next', title: compareTexts.next, keys: ['n'] },
  { id: 'model.compare.before', title: compareTexts.before, keys: ['shift+n'] },
  {
    id: 'model.compare.leave',
    title: compareTexts.leave,
    enabled: () => useComparison.getState().other !== null,
    run: leaveComparison,
  },
  { id: 'model.export.svg', title: exportTexts.svg },
  { id: 'model.export.png', title: exportTexts.png },
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
  home: { explore: ['left', 0], learn: ['centre', 1] },
  shows: ['node', 'tensor', 'weight'],
  commands,
};
