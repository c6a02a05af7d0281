import type { ComponentType } from 'react';
import type { WIDGET_KEYS } from '../../course/page-names.ts';
import { part } from '../components/part.tsx';

/** What a lesson tells a widget; the widget reads the open project by itself. */
export interface WidgetProps {
  readonly args: Readonly<Record<string, string>>;
}

/** By the names that lessons give them. */
export const WIDGETS: { readonly [Name in keyof typeof WIDGET_KEYS]: ComponentType<WidgetProps> } = {
  weight: part(() => import('./live/LiveWeight.tsx')),
  byte: part(() => import('./live/LiveByte.tsx')),
  bits: part(() => import('./live/LiveBits.tsx')),
  token: part(() => import('./live/LiveToken.tsx')),
  run: part(() => import('./live/LiveRun.tsx')),
};

export const isWidget = (name: string): name is keyof typeof WIDGETS => Object.hasOwn(WIDGETS, name);
