/**
 * Pictures of every desk of the built site, light and dark, at 1440 and 1024 pixels, for the README and docs/screens.md:
 * `npm run build && node --import tsx scripts/screenshots.ts [FOLDER]`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from './serve.mjs';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = process.argv[2] ?? at('../docs/screens');
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
] as const;

/** What each desk shows at its best: the first sample with a node selected, a program that was refused, a trace, the reference. */
const DESKS: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  explore: async (page) => {
    await selectSoftmax(page);
    await page.locator('[data-panel=program] .vrow.related').first().waitFor();
    await page.getByTestId('node-insns').waitFor();
  },
  debug: async (page) => {
    await sample(page, 'unchecked');
    await page.locator('[data-testid=verdict][data-accepted=false]').waitFor();
    await page.getByTestId('why').waitFor();
    await page.getByText('asking the verifier').waitFor({ state: 'hidden' });
  },
  replay: async (page) => {
    await page.locator('[data-packet="3"]').click();
    await page.locator('[data-panel=tensors] canvas').first().waitFor();
  },
  learn: async (page) => {
    await page.locator('[data-panel=learn]').waitFor();
    await page.getByText('Reading the course').waitFor({ state: 'hidden' });
    await page.locator('[data-panel=program] [aria-label=Instructions]').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
  },
  accelerator: async (page) => {
    const panel = (id: string) => page.locator(`[data-panel=accel-${id}]`);
    await page.getByTestId('accel-diagram').waitFor();
    for (const use of ['Confidential inference', 'Audit log', 'Adaptive QoS']) {
      await panel('hooks')
        .getByRole('button', { name: `Attach ${use}` })
        .click();
      await page.waitForFunction(
        (n) => document.querySelectorAll('[data-program]').length > n,
        use.length > 20 ? 2 : use === 'Audit log' ? 4 : 5,
      );
    }
    await panel('device').getByRole('button', { name: 'Send', exact: true }).click();
    await panel('device').getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[data-testid=accel-counts][data-passes="16 16 0"]').waitFor();
    await panel('timeline').getByRole('option').first().click();
  },
};

async function selectSoftmax(page: Page): Promise<void> {
  await page.locator('.graph-op', { hasText: 'Softmax' }).first().dispatchEvent('click');
}

async function sample(page: Page, title: string): Promise<void> {
  await page.getByRole('button', { name: /^Project/ }).click();
  await page.getByRole('menuitem', { name: title }).first().click();
}

async function shoot(
  browser: Browser,
  url: string,
  desk: string,
  colorScheme: 'light' | 'dark',
  size: (typeof SIZES)[number],
): Promise<void> {
  const page = await browser.newPage({ viewport: size, colorScheme, reducedMotion: 'reduce' });
  // The offer of the tour is for visitors, not for pictures.
  await page.addInitScript(() => localStorage.setItem('bpformer.tour', 'seen'));
  await page.goto(url);
  await page.waitForSelector('[data-testid=compare][data-complete=true]', { timeout: 120_000 });
  await page.getByRole('radio', { name: desk, exact: false }).first().click();
  await DESKS[desk]!(page);
  await page.waitForFunction(() => document.querySelectorAll('[data-running]').length === 0, undefined, { timeout: 60_000 });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, `${desk}-${colorScheme}-${size.width}.png`) });
  await page.close();
}

const executablePath = await findBrowser();
if (!executablePath) throw new Error('no Chromium is installed');
mkdirSync(folder, { recursive: true });
const { server, url } = await serve({ root: process.env.BPFORMER_DIST ?? at('../dist'), base: '/bpformer/' });
const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
for (const desk of Object.keys(DESKS)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of SIZES) await shoot(browser, url, desk, colorScheme, size);
  }
}
await browser.close();
server.close();
