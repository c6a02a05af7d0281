import type { ComponentType } from 'react';

/** A command that the palette, menus and keys reach by name. */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** Key as shown: `[`, `Ctrl+Z`, `F10`. */
  readonly key?: string;
  readonly enabled?: () => boolean;
  run(): void;
}

/**
 * A panel is one folder under src/ui with a `panel.tsx` that exports one of these as `panel`. The shell finds it there: adding a
 * panel touches nothing else but the arrangement that shows it.
 */
export interface PanelDef {
  readonly id: string;
  readonly title: string;
  readonly Component: ComponentType;
  readonly commands?: readonly Command[];
}
