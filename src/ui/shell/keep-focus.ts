/**
 * Keeps the keyboard in a panel when what had the focus is taken out of the page, as when live results replace shipped ones: the focus
 * goes to the panel itself instead of to the page. Browsers differ in which event they send for that, if any, so the panel's changes are
 * watched while it has the focus. Returns what ends it.
 */
export function keepFocusIn(desk: HTMLElement): () => void {
  let focused: HTMLElement | null = null;
  let panel: HTMLElement | null = null;
  const observer = new MutationObserver(() => {
    if (focused?.isConnected || !panel?.isConnected || document.activeElement !== document.body) return;
    panel.focus({ preventScroll: true });
  });
  const enter = (event: FocusEvent) => {
    focused = event.target as HTMLElement;
    const within = focused.closest<HTMLElement>('[data-panel]');
    if (within === panel) return;
    panel = within;
    observer.disconnect();
    if (panel) observer.observe(panel, { childList: true, subtree: true });
  };
  const leave = (event: FocusEvent) => {
    const left = event.target as HTMLElement;
    // Once what is under way has ended: an element that is still in the page was left by the user.
    queueMicrotask(() => {
      if (!left.isConnected || desk.contains(document.activeElement) || focused !== left) return;
      focused = panel = null;
      observer.disconnect();
    });
  };
  desk.addEventListener('focusin', enter);
  desk.addEventListener('focusout', leave);
  return () => {
    observer.disconnect();
    desk.removeEventListener('focusin', enter);
    desk.removeEventListener('focusout', leave);
  };
}
