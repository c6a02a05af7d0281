import type { Page } from '@playwright/test';

const POLL_MS = 100;

/**
 * Where the element is that can be pressed: the `at`-th of those on show that `selector` names, with a name that is, or begins, as told. As text: what runs in the page must not
 * pass through this process's loader, which adds names of its own.
 */
const FIND = `({ selector, begins = '', whole = false, at = 0 }) => {
  const named = (one) => {
    const name = (one.getAttribute('aria-label') || one.textContent || '').trim();
    return whole ? name === begins : name.startsWith(begins);
  };
  const one = [...document.querySelectorAll(selector)].filter((one) => !one.disabled && one.checkVisibility() && named(one))[at];
  if (!one) return null;
  one.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  const box = one.getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
}`;

/** What there is to press. */
export interface Target {
  readonly selector: string;
  /** How its name begins; '' for any. */
  readonly begins?: string;
  /** It is that, whole. */
  readonly whole?: boolean;
  /** Which of several, from 0. */
  readonly at?: number;
}

/** Waits until `expression`, JavaScript, is true in the page; says whether it came to be. */
export async function until(page: Page, expression: string, ms: number): Promise<boolean> {
  const limit = performance.now() + ms;
  while (!(await page.evaluate(`Boolean(${expression})`))) {
    if (performance.now() > limit) return false;
    await page.waitForTimeout(POLL_MS);
  }
  return true;
}

/**
 * Presses what is there, or comes within `ms`; says whether it was. Playwright's own click keeps a handle on what it did not get to click, for as long as the page lives:
 * the panel and the project that the element was of stay in memory, and would be counted as the page's.
 */
export async function press(page: Page, target: Target, ms: number): Promise<boolean> {
  const limit = performance.now() + ms;
  for (;;) {
    const place = (await page.evaluate(`(${FIND})(${JSON.stringify(target)})`)) as { x: number; y: number } | null;
    if (place) {
      await page.mouse.click(place.x, place.y);
      return true;
    }
    if (performance.now() > limit) return false;
    await page.waitForTimeout(POLL_MS);
  }
}
