import type { PanelDef } from '../panel.ts';

const modules = import.meta.glob<{ panel: PanelDef }>(['../*/panel.tsx', '../accelerator/*/panel.tsx'], { eager: true });

/** Every panel there is, by id. */
export const PANELS: ReadonlyMap<string, PanelDef> = new Map(Object.values(modules).map(({ panel }) => [panel.id, panel]));
