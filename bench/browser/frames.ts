/** Part of the long runs that look at the page: what a browser does while something happens. */
import type { Page } from '@playwright/test';

export const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. */
const WATCH = `{
  window.watch?.observer.disconnect();
  const watch = { stop: false, deltas: [], tasks: [] };
  window.watch = watch;
  watch.observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) watch.tasks.push(entry.duration);
  });
  watch.observer.observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  requestAnimationFrame(function tick(now) {
    watch.deltas.push(now - last);
    last = now;
    if (!watch.stop) requestAnimationFrame(tick);
  });
}`;

interface Watched {
  readonly stop: boolean;
  readonly deltas: number[];
  readonly tasks: number[];
}

/** Frame intervals while `act` runs; long tasks are those over 50 ms. */
export async function frames(page: Page, act: () => Promise<void>): Promise<object> {
  await page.evaluate(WATCH);
  await act();
  const { deltas, tasks } = await page.evaluate(() => {
    const { watch } = window as unknown as { watch: Watched & { stop: boolean } };
    watch.stop = true;
    return { deltas: watch.deltas.slice(1), tasks: watch.tasks };
  });
  const sorted = deltas.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0, 1);
  return {
    frames: deltas.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    worstMs: at(1),
    over50Ms: deltas.filter((delta) => delta > 50).length,
    longTasks: tasks.length,
    longestTaskMs: round(Math.max(0, ...tasks)),
  };
}
