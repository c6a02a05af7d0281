import { expect, type Page } from '@playwright/test';

/** What the focus is on, for those stops at which a walk does something. */
const STOPS = {
  contents: '[aria-label="All lessons"]',
  answer: '[data-exercise] textarea, [data-exercise] .answer-value',
  check: '[data-check]',
  hint: '[data-hint]',
  solution: '.exercise-solution',
  term: '.lesson-term',
  drives: '.lesson-go, .lesson-show .button',
  weight: '[data-testid=weight-slider]',
  byte: '[data-testid=byte-pad]',
  bits: '[data-testid=bits-slider]',
  token: '.token-next',
  run: '[data-testid=scrub]',
  onwards: '.lesson-foot .primary',
} as const;
export type Stop = keyof typeof STOPS | 'other';

/** More stops than any step has. */
const MOST_STOPS = 200;

/**
 * Goes on by one stop and tells where that is. It fails where the key moves nothing (a trap) or leads out of the lesson, and where a reader could not
 * see the focus: without an outline, or scrolled out of view.
 */
async function moveOn(page: Page, key: 'Tab' | 'Shift+Tab'): Promise<Stop> {
  await page.keyboard.press(key);
  const { kind, what, ...found } = await page.evaluate((stops) => {
    const here = document.activeElement as HTMLElement;
    const kept = window as { lastStop?: Element };
    const moved = here !== kept.lastStop;
    kept.lastStop = here;
    const drawn = here.closest('.answer') ?? here;
    const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
    const box = drawn.getBoundingClientRect();
    const view = (here.closest('.lesson-body') ?? document.documentElement).getBoundingClientRect();
    return {
      kind: Object.entries(stops).find(([, selector]) => here.matches(selector))?.[0] ?? 'other',
      what: here.outerHTML.slice(0, 160),
      moved,
      inside: here.closest('.lesson') !== null,
      outlined: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1,
      inView: box.width > 0 && box.bottom > view.top && box.top < view.bottom && box.right > view.left && box.left < view.right,
    };
  }, STOPS);
  expect(found, what).toEqual({ moved: true, inside: true, outlined: true, inView: true });
  return kind as Stop;
}

/** Goes from stop to stop until `wanted`; `visit` may do something at each on the way. */
export async function moveTo(
  page: Page,
  wanted: Stop,
  { key = 'Tab', visit }: { key?: 'Tab' | 'Shift+Tab'; visit?: (stop: Stop) => Promise<void> } = {},
): Promise<void> {
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    const stop = await moveOn(page, key);
    if (stop === wanted) return;
    await visit?.(stop);
  }
  throw new Error(`${MOST_STOPS} stops, and none is "${wanted}"`);
}

/** Fails unless the focus is in `selector`. */
export async function focusIn(page: Page, selector: string): Promise<void> {
  await expect(page.locator(`${selector}:focus-within`)).toHaveCount(1);
}
