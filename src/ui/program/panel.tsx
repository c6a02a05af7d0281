import type { PanelDef } from '../panel.ts';
import { ProgramPanel } from './ProgramPanel.tsx';

export const panel: PanelDef = { id: 'program', title: 'Program', Component: ProgramPanel };
