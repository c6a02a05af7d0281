import { select, useWorkbench } from '../../workbench/store.ts';
import type { DeskId } from '../panel.ts';
import type { tour as texts } from '../texts/tour.ts';

export interface Step {
  readonly id: keyof typeof texts.steps;
  readonly desk: DeskId;
  /** What the step is about: a panel, or a part of the page. */
  readonly target: string;
  /** Sets the scene once the desk stands. */
  readonly act?: () => void;
}

const panel = (id: string) => `[data-panel="${id}"]`;

function selectSoftmax(): void {
  const node = useWorkbench.getState().stages.model.value?.nodes.find(({ op, folded }) => op === 'Softmax' && folded === undefined);
  if (node) select('node', node.index);
}

export const STEPS: readonly Step[] = [
  { id: 'model', desk: 'explore', target: panel('model') },
  { id: 'program', desk: 'explore', target: panel('program'), act: selectSoftmax },
  { id: 'verifier', desk: 'explore', target: panel('verifier') },
  { id: 'trace', desk: 'explore', target: panel('trace'), act: () => select('packet', 0) },
  { id: 'compare', desk: 'explore', target: panel('compare') },
  { id: 'debug', desk: 'debug', target: '.desk' },
  { id: 'palette', desk: 'explore', target: '.topbar' },
];
