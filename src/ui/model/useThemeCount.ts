import { useSyncExternalStore } from 'react';

let count = 0;

function follow(changed: () => void): () => void {
  const observer = new MutationObserver(() => {
    count++;
    changed();
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'data-contrast'] });
  return () => observer.disconnect();
}

/** Grows whenever the page changes its colours: what is drawn on a canvas has to be drawn again. */
export function useThemeCount(): number {
  return useSyncExternalStore(follow, () => count);
}
