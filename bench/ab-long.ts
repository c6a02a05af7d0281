/**
 * Two precisions of the sample's program beside each other on 200,000 packets in the built site: `npm run long ab-long` (after `npm run build`). The
 * Compare panel runs both and ONNX Runtime: how long it takes, frames of the page meanwhile, the memory of its process, and what the page reports as
 * errors; then reading on in the list of differing events, both reports, and a second comparison that is stopped.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Locator } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import type { Binding } from '../src/hooks/binding.ts';
import { tokensOf } from '../src/hooks/tokens.ts';
import type { AbRecord } from '../src/replay/ab-record.ts';
import { frames, round } from './browser/frames.ts';
import { writeLongCapture } from './browser/long-capture.ts';
import { renderer } from './browser/process.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const PACKETS = 200_000;
const QUANT = 'w4a16';
const SAMPLE_MS = 100;
/** The work of minutes on a slow machine. */
const MOST_MS = 1_800_000;

/** Of the capture's packets, those that the sample's model runs on. */
function seenBy(made: readonly { readonly data: Uint8Array }[]): number {
  const { input } = JSON.parse(readFileSync(join(here, '..', 'public', 'samples', 'payload', 'binding.json'), 'utf8')) as Binding;
  return input.kind === 'payload' ? made.filter(({ data }) => tokensOf(data, input) !== null).length : made.length;
}

export default async function measure(): Promise<object> {
  const executablePath = await findBrowser();
  if (!executablePath) return { browser: 'no Chromium is installed' };
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-ab-'));
  const path = join(folder, 'long.pcap');
  const { bytes, made, rounds } = writeLongCapture(path, PACKETS);
  const root = process.env.BPFORMER_DIST ?? join(here, '..', 'dist');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS, ignoreDefaultArgs: ['--hide-scrollbars'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(MOST_MS);
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('crash', () => errors.push('the page crashed'));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.addInitScript(() => localStorage.setItem('bpformer.desk', '"replay"'));
    await page.goto(url);
    const done = (events: number) => page.waitForSelector(`[data-testid=replayed][data-done="${events}"]`);
    await done(2000);
    const memory = await renderer(browser);
    const idleMB = memory.resident();
    const watched = async (act: () => Promise<void>): Promise<object> => {
      const resident: number[] = [];
      const timer = setInterval(() => resident.push(memory.resident()), SAMPLE_MS);
      const began = performance.now();
      const seen = await frames(page, act);
      clearInterval(timer);
      return {
        seconds: round((performance.now() - began) / 1000, 1),
        rssMB: { most: Math.max(...resident), last: memory.resident() },
        frames: seen,
      };
    };
    const alone = await watched(async () => {
      await page.locator('#file-picker').setInputFiles(path);
      await page.getByText('200,000 packets').first().waitFor();
      await done(PACKETS);
      await page.waitForSelector('[data-testid=compare][data-complete=true]');
    });
    const compare = page.locator('[data-panel=compare]');
    await compare.getByRole('button', { name: 'A/B', exact: true }).click();
    await compare.getByLabel('precision').selectOption(QUANT);
    const runBoth = compare.getByRole('button', { name: /^Run (both|again)$/ });
    const ended = (status: string) => page.waitForSelector(`[data-testid=ab][data-status=${status}]`);
    const beside = await watched(async () => {
      await runBoth.click();
      await ended('running');
      await ended('done');
    });
    const scrolled = await watched(async () => {
      const list = compare.getByRole('listbox', { name: 'Events' });
      await compare.getByLabel('Show').selectOption('all');
      await list.press('End');
      await list.getByRole('option', { name: /^Event 200,000:/ }).waitFor();
    });
    const saved = async (button: Locator): Promise<string> => {
      const saving = page.waitForEvent('download');
      await button.click();
      return readFileSync(await (await saving).path(), 'utf8');
    };
    let report = '';
    const reported = await watched(async () => {
      await saved(compare.getByRole('button', { name: 'Save as HTML' }));
      report = await saved(compare.getByRole('button', { name: 'Save as JSON' }));
    });
    const { same, differs, times, errors: differences } = JSON.parse(report) as AbRecord;
    const stopped = await watched(async () => {
      await runBoth.click();
      await ended('running');
      await page.waitForFunction(() =>
        /running both in turns/.test(document.querySelector('[data-testid=ab] .progress')?.textContent ?? ''),
      );
      await compare.locator('.progress').getByRole('button', { name: 'Stop' }).click();
      await ended('cancelled');
    });
    return {
      packets: PACKETS,
      captureMB: round(bytes / 1e6),
      packetsThatTheModelSees: seenBy(made) * rounds,
      against: QUANT,
      errors,
      rssBeforeMB: idleMB,
      alone,
      beside,
      said: { same, differs, times, largestBetween: differences.between.max },
      scrolled,
      reported,
      stopped,
      load: loadavg().map((one) => round(one, 1)),
    };
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
