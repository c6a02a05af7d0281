import type { Page } from '@playwright/test';
import { round } from './frames.ts';

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. */
const STEPS = `(() => {
  const steps = () => {
    let x = 1;
    for (let i = 0; i < 100_000_000; i++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
    return x;
  };
  // The first time is the compiler's.
  steps();
  const started = performance.now();
  steps();
  return performance.now() - started;
})()`;

/** Milliseconds that the page takes for 100 million steps of a random generator, before a run: a hint at how quick the machine is then. */
export const yardstickMs = async (page: Page): Promise<number> => round((await page.evaluate(STEPS)) as number);
