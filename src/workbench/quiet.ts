/** How long the page must have been left alone before work begins that nobody waits for, in milliseconds. */
const QUIET_MS = 4000;

const TOUCHES = ['pointerdown', 'pointermove', 'wheel', 'keydown'] as const;

/**
 * Resolves once the user has left the page alone for a while, or when `signal` says that nobody is interested any more. Work that
 * costs much and changes nothing that stands on the page must not compete with what the user does.
 */
export function quiet(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer = 0;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(end, QUIET_MS) as unknown as number;
    };
    const end = () => {
      clearTimeout(timer);
      for (const name of TOUCHES) removeEventListener(name, wait, { capture: true });
      signal.removeEventListener('abort', end);
      resolve();
    };
    if (signal.aborted) {
      resolve();
      return;
    }
    for (const name of TOUCHES) addEventListener(name, wait, { capture: true, passive: true });
    signal.addEventListener('abort', end);
    wait();
  });
}
