import type { PanelDef } from '../panel.ts';
import { TracePanel } from './TracePanel.tsx';

export const panel: PanelDef = { id: 'trace', title: 'Trace', Component: TracePanel };
