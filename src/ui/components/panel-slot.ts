import { createContext, useSyncExternalStore } from 'react';

/**
 * Where a panel's summary and actions are drawn: in the row of tabs that it stands in. The row registers its element here by id, and the
 * panel in front fills it.
 */
const slots = new Map<string, { readonly element: HTMLElement; readonly front: string | undefined }>();
const listeners = new Set<() => void>();

/** `front` is the id of the panel in front, which alone may fill the slot. */
export function registerSlot(id: string, element: HTMLElement | null, front: string | undefined): void {
  if (element) slots.set(id, { element, front });
  else slots.delete(id);
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export function useSlot(id: string | null, panel: string): HTMLElement | null {
  return useSyncExternalStore(subscribe, () => {
    const slot = id === null ? undefined : slots.get(id);
    return slot?.front === panel ? slot.element : null;
  });
}

/** Id of the slot of the row of tabs around; null where there is none. A panel behind another one is not drawn again when it goes there. */
export const SlotContext = createContext<string | null>(null);
