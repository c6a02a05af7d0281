import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import type { WIDGET_KEYS } from '../../course/page-names.ts';

/** What a lesson tells a widget; the widget reads the open project by itself. */
export interface WidgetProps {
  readonly args: Readonly<Record<string, string>>;
}

/** By the names that lessons give them. */
export const WIDGETS: { readonly [Name in keyof typeof WIDGET_KEYS]: LazyExoticComponent<ComponentType<WidgetProps>> } = {
  weight: lazy(() => import('./live/LiveWeight.tsx')),
  byte: lazy(() => import('./live/LiveByte.tsx')),
  bits: lazy(() => import('./live/LiveBits.tsx')),
  run: lazy(() => import('./live/LiveRun.tsx')),
};

export const isWidget = (name: string): name is keyof typeof WIDGETS => Object.hasOwn(WIDGETS, name);
