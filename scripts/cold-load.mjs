// Times of a cold load of the built site, each in a fresh browser profile: `npm run build && node --import tsx scripts/cold-load.mjs [RUNS]`.
// Milliseconds from the start of navigation; bytes of JavaScript as they travel (gzip).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from './serve.mjs';

const FIRST_SCREEN = 20;
const runs = Number(process.argv[2] ?? 3);
const executablePath = await findBrowser();
if (!executablePath) throw new Error('no Chromium is installed');
const root = process.env.BPFORMER_DIST ?? fileURLToPath(new URL('../dist', import.meta.url));
const { server, url } = await serve({ root, base: '/bpformer/' });

/** Runs in the page before its own scripts: notes when each milestone is first seen. */
function observe(firstScreen) {
  const seen = {};
  const note = (name) => {
    seen[name] ??= Math.round(performance.now());
  };
  globalThis.__milestones = seen;
  const look = () => {
    const text = (id) => document.querySelector(`[data-testid="${id}"]`);
    const shipped = text('shipped') !== null;
    if (document.querySelector('.topbar')) note('shell');
    if (shipped) note('shipped results');
    if (document.querySelector('.graph-op')) note('model graph');
    const done = Number(text('replayed')?.dataset.done ?? 0);
    if (done > 0) note('first live verdict');
    if (done >= firstScreen) note(`${firstScreen} verdicts`);
    // The status bar tells only of what this tab has verified itself.
    if (document.querySelector('.statusbar .ok, .statusbar .bad')) note('verified');
    if (done >= 2000) note('2,000 verdicts');
    if (text('compare')?.dataset.complete === 'true') note('2,000 reference scores');
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const results = [];
for (let run = 0; run < runs; run++) {
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  // Counted at the server, since workers load scripts of their own.
  const scripts = new Set();
  const count = (request) => {
    const { pathname } = new URL(request.url, url);
    if (/\.m?js$/.test(pathname)) scripts.add(pathname.replace('/bpformer/', ''));
  };
  server.on('request', count);
  await page.addInitScript(observe, FIRST_SCREEN);
  await page.goto(url);
  await page.waitForFunction((name) => name in globalThis.__milestones, `${FIRST_SCREEN} verdicts`, { timeout: 60_000 });
  server.off('request', count);
  const bytes = [...scripts].reduce((sum, path) => sum + gzipSync(readFileSync(join(root, path)), { level: 6 }).length, 0);
  await page.waitForFunction(() => '2,000 reference scores' in globalThis.__milestones, undefined, { timeout: 120_000 });
  const milestones = await page.evaluate(() => ({
    'first paint': Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0),
    ...globalThis.__milestones,
  }));
  results.push({ ...milestones, 'kB of JavaScript before the first verdicts': Math.round(bytes / 1000) });
  await browser.close();
}
server.close();
console.table(results);
