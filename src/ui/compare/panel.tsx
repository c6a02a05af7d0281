import type { PanelDef } from '../panel.ts';
import { ComparePanel } from './ComparePanel.tsx';

export const panel: PanelDef = { id: 'compare', title: 'Compare', Component: ComparePanel };
