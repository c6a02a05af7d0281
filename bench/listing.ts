/**
 * The listing of a program of 1,000,000 instructions: `npm run long listing` (after `npm run build`). A synthetic object with a source
 * line every 8 instructions is opened in Chromium on the built site; measured are the time to the listing, the frames while it scrolls by
 * wheel, page keys and scroll bar, a search through all of it, and the longest task of each.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { writeObject } from '../src/object/writer.ts';
import { syntheticProgram } from './listing/program.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const INSNS = 1_000_000;

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. */
const WATCH = `{
  const watch = { stop: false, deltas: [], tasks: [] };
  window.watch = watch;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) watch.tasks.push(entry.duration);
  }).observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  requestAnimationFrame(function tick(now) {
    watch.deltas.push(now - last);
    last = now;
    if (!watch.stop) requestAnimationFrame(tick);
  });
}`;

/** Frame intervals and long tasks while `act` runs. */
async function frames(page: Page, act: () => Promise<void>): Promise<object> {
  await page.evaluate(WATCH);
  const started = performance.now();
  await act();
  const ms = performance.now() - started;
  const { deltas, tasks } = await page.evaluate(() => {
    const { watch } = window as unknown as { watch: { stop: boolean; deltas: number[]; tasks: number[] } };
    watch.stop = true;
    return { deltas: watch.deltas.slice(1), tasks: watch.tasks };
  });
  deltas.sort((a, b) => a - b);
  const at = (share: number) => round(deltas[Math.min(deltas.length - 1, Math.floor(deltas.length * share))] ?? 0, 1);
  return {
    ms: round(ms),
    frames: deltas.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    worstMs: at(1),
    over50Ms: deltas.filter((delta) => delta > 50).length,
    longTasksMs: tasks.map((task) => round(task)),
  };
}

export default async function measure(): Promise<unknown> {
  const executablePath = await findBrowser();
  if (!executablePath) return 'no Chromium is installed';
  const [load = 0] = loadavg();
  const bytes = writeObject(syntheticProgram(INSNS));
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-listing-'));
  const file = join(folder, 'million.o');
  writeFileSync(file, bytes);
  const { server, url } = await serve({ root: process.env.BPFORMER_DIST ?? join(here, '..', 'dist'), base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.waitForSelector('[data-testid=compare][data-complete=true]', { timeout: 180_000 });
    const tree = page.getByRole('tree', { name: 'Instructions', exact: true });
    const opening = await frames(page, async () => {
      // By its path: bytes would pass through the page's own scripts.
      await page.locator('#file-picker').setInputFiles(file);
      await tree.locator('[data-insn="0"]', { hasText: 'r1 = 1' }).waitFor({ timeout: 180_000 });
    });
    const verdict = await frames(page, async () => {
      await page.locator('[data-testid=verdict][data-accepted=false]').waitFor({ timeout: 180_000 });
    });
    const verdictText = await page.getByTestId('verdict').textContent();
    // Whoever explains a rejection looks for edits that mend it, in the background; the frames are to be those of the listing.
    await page.waitForTimeout(10_000);
    const box = (await tree.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const wheel = await frames(page, async () => {
      for (let step = 0; step < 120; step++) {
        await page.mouse.wheel(0, step < 90 ? 240 : -240);
        await page.waitForTimeout(16);
      }
    });
    await tree.focus();
    const pageKeys = await frames(page, async () => {
      for (let step = 0; step < 120; step++) await page.keyboard.press('PageDown');
    });
    // Chromium without a window draws no scroll bar to take hold of: its positions are set as a drag would, a pixel of the bar at a time.
    const drag = await frames(page, async () => {
      await tree.evaluate(async (element) => {
        for (let step = 0; step <= 200; step++) {
          element.scrollTop = ((element.scrollHeight - element.clientHeight) * step) / 200;
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
      });
    });
    await tree.focus();
    await page.keyboard.press('End');
    const last = await tree.locator('[aria-selected=true] [data-insn]').getAttribute('data-insn');
    const rows = await tree.locator('.vrow').count();
    await page.keyboard.press('f');
    const search = await frames(page, async () => {
      await page.getByLabel('Find in the program').fill('w6 += w7');
      await page.locator('[data-testid=find-count][data-done=true]').waitFor({ timeout: 60_000 });
    });
    const hits = Number(await page.getByTestId('find-count').getAttribute('data-hits'));
    const step = await frames(page, async () => {
      for (let hit = 0; hit < 20; hit++) await page.keyboard.press('Enter');
    });
    await page.keyboard.press('Escape');
    const fold = await frames(page, async () => {
      await page.keyboard.press('Shift+Z');
      await tree.locator('[data-insn]').first().waitFor({ state: 'detached' });
      await page.keyboard.press('Shift+Z');
      await tree.locator('[data-insn]').first().waitFor();
    });
    return {
      method:
        'intervals of requestAnimationFrame and tasks over 50 ms in Chromium without a GPU; the verifier and the search for edits that mend the program had ended before scrolling began',
      // Of the last minute: other work on the machine shows in the frames.
      loadAverage: round(load, 1),
      instructions: INSNS,
      fileBytes: bytes.length,
      rowsInPage: rows,
      lastInstruction: Number(last),
      opening,
      verdict: { text: verdictText, ...verdict },
      wheel,
      pageKeys,
      drag,
      search: { hits, ...search },
      nextHit: step,
      foldAndUnfoldAll: fold,
    };
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
