/**
 * From a touch to the screen: `npm run long touch-latency` (after `npm run build`). The first sample stands open in Chromium on the built site; a
 * packet byte, a weight, the slider of bits and the scrub bar are moved by keys, and each time is from the key's own time stamp to the frame that
 * shows what it came to. The page's budget is 100 ms.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const TOUCHES = 60;
const BUDGET_MS = 100;
const MOST_WAIT_MS = 180_000;

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. Each test says that a touch is on show. */
const WATCH = `
  const one = (selector) => document.querySelector(selector);
  const answered = (tool) => one('[data-testid=' + tool + '] [data-testid=outcomes]')?.dataset.stale === 'false';
  const place = () => one('[data-testid=playback]')?.dataset.place;
  const TESTS = {
    verdict: () => answered('byte-touch'),
    attention: () => answered('byte-touch') && one('[data-testid=byte-touch] .touch-attention:not([data-stale=true])') !== null,
    outputs: () => answered('weight-touch'),
    noticed: () => one('[data-testid=bits] [role=progressbar]') !== null || TESTS.measured(),
    measured: () => one('[data-testid=bits] tr[aria-current=true]:has(td):not(:has(td > .muted))') !== null,
    place: (state) => place() !== state.place && one('[data-testid=machine]').dataset.status === 'paused',
  };
  window.touched = null;
  window.isOnShow = (name) => TESTS[name]({});
  window.awaitTouch = (wanted) => {
    const state = { times: {}, began: 0, place: place() };
    window.touched = state;
    addEventListener('keydown', (event) => { state.began = event.timeStamp; requestAnimationFrame(look); }, { capture: true, once: true });
    function look() {
      for (const name of wanted) {
        if (name in state.times || !TESTS[name](state)) continue;
        state.times[name] = -1;
        // The frame that is being made now is on the screen once its task is over.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { state.times[name] = performance.now() - state.began; };
        port2.postMessage(0);
      }
      if (Object.keys(state.times).length < wanted.length) requestAnimationFrame(look);
    }
  };
`;
interface Watching {
  readonly touched: { readonly times: Readonly<Record<string, number>> };
  awaitTouch(wanted: readonly string[]): void;
  isOnShow(name: string): boolean;
}
type Times = Readonly<Record<string, number>>;

const round = (value: number): number => Math.round(value * 10) / 10;

function summary(times: readonly number[]): object {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return {
    touches: sorted.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    worstMs: at(1),
    overBudget: sorted.filter((time) => time > BUDGET_MS).length,
  };
}

/** Presses `key` where the focus is; gives the time to each of `wanted`. */
async function touch(page: Page, key: string, wanted: readonly string[]): Promise<Times> {
  await page.evaluate((names) => (window as unknown as Watching).awaitTouch(names), wanted);
  await page.keyboard.press(key);
  await page.waitForFunction(
    (count) => {
      const times = Object.values((window as unknown as Watching).touched.times);
      return times.length === count && times.every((time) => time >= 0);
    },
    wanted.length,
    { polling: 50, timeout: MOST_WAIT_MS },
  );
  return page.evaluate(() => (window as unknown as Watching).touched.times);
}

async function many(page: Page, keys: readonly string[], wanted: readonly string[]): Promise<Readonly<Record<string, object>>> {
  const all = Object.fromEntries(wanted.map((name) => [name, [] as number[]]));
  for (const key of keys) for (const [name, time] of Object.entries(await touch(page, key, wanted))) all[name]!.push(time);
  return Object.fromEntries(Object.entries(all).map(([name, times]) => [name, summary(times)]));
}

const onShow = (page: Page, name: string) =>
  page.waitForFunction((test) => (window as unknown as Watching).isOnShow(test), name, { polling: 50, timeout: MOST_WAIT_MS });

/** `TOUCHES` values that no touch before had, so that nothing is remembered of them. */
const onwards = (key: string): readonly string[] => Array.from({ length: TOUCHES }, () => key);

export default async function measure(): Promise<unknown> {
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chromium is installed');
  const before = loadavg()[0]!;
  const { server, url } = await serve({ root: process.env.BPFORMER_DIST ?? join(here, '..', 'dist'), base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript(WATCH);
    await page.goto(url);
    const compared = () => page.locator('[data-testid=compare][data-complete=true]').waitFor({ timeout: MOST_WAIT_MS });
    await compared();

    // The first touch makes the machine and is not counted among the others.
    await page.getByTestId('byte-pad').focus();
    const first = await touch(page, 'ArrowUp', ['verdict', 'attention']);
    const byte = { first: Object.fromEntries(Object.entries(first).map(([name, time]) => [name, round(time)])) };
    Object.assign(byte, await many(page, onwards('ArrowUp'), ['verdict', 'attention']));

    await page.locator('.graph-op', { hasText: 'Gemm' }).first().dispatchEvent('click');
    await page
      .getByRole('grid', { name: /weight/ })
      .first()
      .focus();
    await page.keyboard.press('Enter');
    await onShow(page, 'outputs');
    await page.getByTestId('weight-slider').focus();
    const weight = await many(page, onwards('ArrowRight'), ['outputs']);
    await page.getByTestId('weight-touch').getByRole('button', { name: 'Reset all' }).click();
    await page.locator('[data-testid=weights-differ]').waitFor({ state: 'detached', timeout: MOST_WAIT_MS });
    await compared();

    await page.getByRole('tab', { name: 'Numbers' }).click();
    await page.getByTestId('bits-slider').focus();
    await onShow(page, 'measured');
    const stops = await page.locator('[data-testid=bits] tr[data-stop]').count();
    await page.keyboard.press('Home');
    await onShow(page, 'measured');
    const along = Array.from({ length: stops - 1 }, () => 'ArrowRight');
    const there = [...along.map(() => 'ArrowLeft'), ...along];
    const bits = {
      stops,
      /** Stops that nothing is known of: their program is compiled, verified and run. */
      unknown: await many(page, along, ['noticed', 'measured']),
      known: await many(page, Array.from({ length: Math.ceil(TOUCHES / there.length) }, () => there).flat(), ['measured']),
    };

    await page.getByRole('radio', { name: 'Debug' }).click();
    await page.getByTestId('scrub').focus();
    const run = await many(page, onwards('ArrowRight'), ['place']);
    return { budgetMs: BUDGET_MS, loadAverage: { before: round(before), after: round(loadavg()[0]!) }, byte, weight, bits, run };
  } finally {
    await browser.close();
    server.close();
  }
}
