// The picture of the built site for the README: `npm run build && node --import tsx scripts/screenshots.mjs`.
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from './serve.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const executablePath = await findBrowser();
if (!executablePath) throw new Error('no Chromium is installed');
const { server, url } = await serve({ root: process.env.BPFORMER_DIST ?? at('../dist'), base: '/bpformer/' });
const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
await page.goto(url);
await page.waitForSelector('[data-testid=compare][data-complete=true]', { timeout: 120_000 });
await page.locator('.graph-op', { hasText: 'Softmax' }).first().dispatchEvent('click');
await page.locator('[data-panel=program] .vrow.related').first().waitFor();
await page.screenshot({ path: at('../docs/screenshot.png') });
await browser.close();
server.close();
