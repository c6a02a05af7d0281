// The icons of the installed page, drawn from public/icon.svg by a browser: `node --import tsx scripts/icons.mjs`.
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';

const at = (path) => fileURLToPath(new URL(`../public/${path}`, import.meta.url));
const executablePath = await findBrowser();
if (!executablePath) throw new Error('no Chromium is installed');
mkdirSync(at('icons'), { recursive: true });
const svg = readFileSync(at('icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
const page = await browser.newPage();
/** A maskable icon fills its square, and what matters lies in the inner 80 %. */
for (const [name, size, maskable] of [
  ['icon-192.png', 192, false],
  ['icon-512.png', 512, false],
  ['maskable-512.png', 512, true],
  ['apple-touch-icon.png', 180, true],
]) {
  await page.setViewportSize({ width: size, height: size });
  const inner = maskable ? '72%' : '100%';
  const back = maskable ? '#2b3038' : 'transparent';
  await page.setContent(
    `<style>body{margin:0;display:grid;place-items:center;height:100vh;background:${back}}svg{width:${inner};height:${inner}}</style>${svg}`,
  );
  await page.screenshot({ path: at(`icons/${name}`), omitBackground: !maskable });
}
await browser.close();
