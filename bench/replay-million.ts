/**
 * A million packets through the sample's program in the built site: `npm run long replay-million` (after `npm run build`). Its binding sends one port
 * to the Transformer and passes the others. The capture is opened as a file in Chromium and replayed by the Trace panel, three times over: packets
 * in a second, frames of the page meanwhile, and the memory of its process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { tokensOf } from '../src/hooks/tokens.ts';
import { frames, round } from './browser/frames.ts';
import { writeLongCapture } from './browser/long-capture.ts';
import { ownWork } from './browser/own-work.ts';
import { type Process, renderer } from './browser/process.ts';
import { yardstickMs } from './browser/yardstick.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const PACKETS = 1_000_000;
/** No generated flow has it but by chance. */
const PORT = 4444;
const PAYLOAD = { kind: 'payload', tensor: 'tokens', layer: 'l4_payload', length: 48, pad: 256, ports: [PORT], otherwise: 'PASS' } as const;
const BINDING = {
  hook: 'xdp',
  input: PAYLOAD,
  output: { kind: 'threshold', tensor: 'logits', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
};
const SAMPLE_MS = 100;

interface Progress {
  readonly at: number;
  readonly done: number;
}

/** Follows the count of replayed packets in the page, until all are. */
const FOLLOW = `new Promise((resolve) => {
  const seen = [];
  const timer = setInterval(() => {
    const element = document.querySelector('[data-testid=replayed]');
    const done = Number(element?.dataset.done ?? 0);
    const whole = element?.parentElement?.textContent.includes('1,000,000 packets');
    // A replay that begins again still shows the one before it.
    if (whole && (seen.length === 0 ? done < ${PACKETS} : seen.at(-1).done !== done)) seen.push({ at: performance.now(), done });
    if (!whole || done < ${PACKETS} || seen.length === 0) return;
    clearInterval(timer);
    resolve(seen);
  }, 10);
})`;

async function replayed(page: Page, memory: Process, act: () => Promise<void>): Promise<object> {
  const yardstick = await yardstickMs(page);
  const resident: number[] = [];
  const timer = setInterval(() => resident.push(memory.resident()), SAMPLE_MS);
  let seen: Progress[] = [];
  const started = performance.now();
  const cpu = memory.cpuSeconds();
  const watched = await frames(page, async () => {
    const following = page.evaluate(FOLLOW) as Promise<Progress[]>;
    await act();
    seen = await following;
  });
  const allMs = performance.now() - started;
  clearInterval(timer);
  const [first, last] = [seen.find(({ done }) => done > 0)!, seen.at(-1)!];
  return {
    secondsFromTheClick: round(allMs / 1000, 2),
    packetsPerSecond: Math.round(((last.done - first.done) / (last.at - first.at)) * 1000),
    yardstickMs: yardstick,
    // Of all threads, page and garbage collection included: what a loaded machine says of speed.
    packetsPerCpuSecond: Math.round(PACKETS / (memory.cpuSeconds() - cpu)),
    rssMB: { first: resident[0], most: Math.max(...resident), last: resident.at(-1) },
    frames: watched,
  };
}

export default async function measure(): Promise<object> {
  const executablePath = await findBrowser();
  if (!executablePath) return { browser: 'no Chromium is installed' };
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-million-'));
  const path = join(folder, 'million.pcap');
  const bindingPath = join(folder, 'binding.json');
  const { bytes, made, rounds } = writeLongCapture(path, PACKETS);
  const seen = made.filter(({ data }) => tokensOf(data, PAYLOAD) !== null).length * rounds;
  writeFileSync(bindingPath, JSON.stringify(BINDING));
  const root = process.env.BPFORMER_DIST ?? join(here, '..', 'dist');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS, ignoreDefaultArgs: ['--hide-scrollbars'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.addInitScript(() => localStorage.setItem('bpformer.desk', '"replay"'));
    await page.goto(url);
    const idle = () => page.waitForFunction(() => document.querySelector('[data-running]') === null, undefined, { timeout: 300_000 });
    await page.waitForSelector('[data-testid=replayed][data-done="2000"]', { timeout: 120_000 });
    await idle();
    await page.locator('#file-picker').setInputFiles(bindingPath);
    // The program of the other binding is to stand before the capture is opened: until then the replay of the one before it is shown as stale.
    await page.waitForSelector('[data-testid=replayed][data-done="0"]', { timeout: 120_000 });
    await page.waitForSelector('[data-testid=replayed][data-done="2000"]', { timeout: 120_000 });
    await idle();
    const memory = await renderer(browser);
    const before = memory.resident();
    const opened = await replayed(page, memory, () => page.locator('#file-picker').setInputFiles(path));
    const again: object[] = [];
    for (let turn = 0; turn < 2; turn++) {
      // ONNX Runtime goes through a large trace when its replay is done.
      await idle();
      again.push(
        await replayed(page, memory, async () => {
          await page.locator('[data-testid=replay-bar] [aria-label="From the beginning"]').click();
        }),
      );
    }
    const session = await page.context().newCDPSession(page);
    const pageAlone = await ownWork(session, async () => {
      await replayed(page, memory, async () => {
        await page.locator('[data-testid=replay-bar] [aria-label="From the beginning"]').click();
      });
    });
    const verdicts = await page.locator('[data-panel=trace] [data-verdict]').first().textContent();
    return {
      packets: PACKETS,
      captureMB: round(bytes / 1e6),
      packetsThatTheModelSees: seen,
      firstVerdict: verdicts,
      rssBeforeMB: before,
      opened,
      again,
      // While it is profiled, a fourth time: scripts of the page alone.
      pageAlone,
      load: loadavg().map((one) => round(one, 1)),
    };
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
