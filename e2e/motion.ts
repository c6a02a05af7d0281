import { expect, type Page } from '@playwright/test';

/** Fails where something moves, or would glide with the next change: for pages whose reader asks for less motion. */
export async function noMotion(page: Page): Promise<void> {
  const moving = await page.evaluate(() => {
    const nameOf = (element: Element | null, pseudo: string | null) => `${element?.tagName} ${element?.className}${pseudo ?? ''}`;
    const running = document.getAnimations().flatMap(({ effect }) => {
      const { target, pseudoElement } = effect as KeyframeEffect;
      return Number(effect?.getComputedTiming().activeDuration) > 0 ? [nameOf(target, pseudoElement)] : [];
    });
    const lasts = (durations: string) => durations.split(',').some((one) => Number.parseFloat(one) > 0);
    const gliding = [...document.querySelectorAll('*')].flatMap((element) =>
      [null, '::before', '::after'].flatMap((pseudo) => {
        const { transitionDuration, animationDuration, scrollBehavior } = getComputedStyle(element, pseudo);
        return lasts(transitionDuration) || lasts(animationDuration) || scrollBehavior === 'smooth' ? [nameOf(element, pseudo)] : [];
      }),
    );
    return { running, gliding: gliding.slice(0, 10) };
  });
  expect(moving).toEqual({ running: [], gliding: [] });
}
