import type { PanelDef } from '../panel.ts';
import { VerifierPanel } from './VerifierPanel.tsx';

export const panel: PanelDef = { id: 'verifier', title: 'Verifier', Component: VerifierPanel };
