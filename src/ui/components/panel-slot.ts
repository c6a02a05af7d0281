import { createContext, useSyncExternalStore } from 'react';

/**
 * Where a panel's summary and actions are drawn: in the row of tabs that it stands in. The row registers its element here by id, and the
 * panel in front fills it.
 */
const slots = new Map<string, HTMLElement>();
const listeners = new Set<() => void>();

export function registerSlot(id: string, element: HTMLElement | null): void {
  if (element) slots.set(id, element);
  else slots.delete(id);
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export function useSlot(id: string | null): HTMLElement | null {
  return useSyncExternalStore(subscribe, () => (id === null ? null : (slots.get(id) ?? null)));
}

/** Id of the slot of the panel around; null where it stands behind another one, or in no row of tabs. */
export const SlotContext = createContext<string | null>(null);
