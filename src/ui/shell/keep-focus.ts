/**
 * Keeps the keyboard near by when what had the focus is taken out of the page, as when live results replace shipped ones or a last hint has
 * been asked for: the focus goes to the nearest of `places` around it that is left, instead of to the page. Browsers differ in which event
 * they send for that, if any, so the outermost of them is watched while it has the focus. Returns what ends it.
 */
export function keepFocusIn(root: HTMLElement, places = '[data-panel]'): () => void {
  let focused: HTMLElement | null = null;
  let around: readonly HTMLElement[] = [];
  const observer = new MutationObserver(() => {
    if (focused?.isConnected || document.activeElement !== document.body) return;
    around.find(({ isConnected }) => isConnected)?.focus({ preventScroll: true });
  });
  const enter = (event: FocusEvent) => {
    focused = event.target as HTMLElement;
    const watched = around.at(-1);
    around = placesAround(focused, root, places);
    const outermost = around.at(-1);
    if (outermost === watched) return;
    observer.disconnect();
    if (outermost) observer.observe(outermost, { childList: true, subtree: true });
  };
  const leave = (event: FocusEvent) => {
    const left = event.target as HTMLElement;
    // Once what is under way has ended: an element that is still in the page was left by the user.
    queueMicrotask(() => {
      if (!left.isConnected || root.contains(document.activeElement) || focused !== left) return;
      focused = null;
      around = [];
      observer.disconnect();
    });
  };
  root.addEventListener('focusin', enter);
  root.addEventListener('focusout', leave);
  return () => {
    observer.disconnect();
    root.removeEventListener('focusin', enter);
    root.removeEventListener('focusout', leave);
  };
}

/** The places that contain an element, the innermost first. */
function placesAround(element: HTMLElement, root: HTMLElement, places: string): readonly HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let place = element.closest<HTMLElement>(places); place && root.contains(place); ) {
    found.push(place);
    place = place.parentElement?.closest<HTMLElement>(places) ?? null;
  }
  return found;
}
