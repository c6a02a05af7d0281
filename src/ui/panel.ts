import type { LucideIcon } from 'lucide-react';
import type { ComponentType } from 'react';
import type { SelectionKind } from '../workbench/selection.ts';
import type { Command } from './commands.ts';

export type DeskId = 'explore' | 'debug' | 'replay' | 'learn' | 'accelerator';

/** Where a panel stands in a desk's default arrangement; panels of one region share its tabs. */
export type Region = 'left' | 'centre' | 'right' | 'rightBelow' | 'below' | 'belowRight';

/**
 * A panel is one folder under src/ui (or src/ui/accelerator) with a `panel.tsx` that exports one of these as `panel`. The shell finds it there: adding a
 * panel touches nothing else.
 */
export interface PanelDef {
  readonly id: string;
  readonly title: string;
  /** What it shows, in one line: for the palette and the menu of panels. */
  readonly about: string;
  readonly icon: LucideIcon;
  readonly Component: ComponentType;
  /** Regions where it stands on each desk until the user moves it, with its place among the tabs there. */
  readonly home: { readonly [Desk in DeskId]?: readonly [region: Region, order: number] };
  /** Kinds of selection that it shows a part of; unless it is pinned it scrolls that part into view. */
  readonly shows: readonly SelectionKind[];
  /** Commands of its own; their single-letter keys work while the focus is inside. */
  readonly commands?: readonly Command[];
}
