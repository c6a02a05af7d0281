import type { PanelDef } from '../panel.ts';
import { ModelPanel } from './ModelPanel.tsx';

export const panel: PanelDef = { id: 'model', title: 'Model', Component: ModelPanel };
