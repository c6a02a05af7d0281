import type { ComponentType, LazyExoticComponent } from 'react';

/** A widget that a lesson puts into its text; it reads the open project by itself. */
export type Widget = LazyExoticComponent<ComponentType<{ args: Readonly<Record<string, string>> }>>;

/** By the names of `widget-names.ts`. */
export const WIDGETS: Readonly<Record<string, Widget>> = {};
