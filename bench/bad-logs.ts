/**
 * Logs as nobody should give them, in the built site: `npm run long bad-logs` (after `npm run build`). Each is opened as a file in Chromium: what the page says, after how
 * long, its long tasks meanwhile, and how long the palette of commands takes to open afterwards.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { randomOf } from '../src/base/random.ts';
import { frames, round } from './browser/frames.ts';
import { makeLog } from './browser/long-log.ts';

const MB = 1024 * 1024;
const SIZE = 100 * MB;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789 :()=;,.+-*';

/** Random text of a size, with a line break now and then. */
function randomText(size: number, breaks: boolean): Buffer {
  const random = randomOf(17);
  const block = Buffer.alloc(MB);
  for (let i = 0; i < MB; i++) block[i] = breaks && random() < 1 / 80 ? 10 : LETTERS.charCodeAt(Math.floor(random() * LETTERS.length));
  const out = Buffer.alloc(size);
  for (let at = 0; at < size; at += MB) block.copy(out, at);
  return out;
}

function randomBytes(size: number): Buffer {
  const random = randomOf(23);
  const out = Buffer.alloc(size);
  for (let i = 0; i < MB; i++) out[i] = Math.floor(random() * 256);
  for (let at = MB; at < size; at += MB) out.copy(out, at, 0, MB);
  return out;
}

interface Bad {
  readonly name: string;
  readonly make: (log: Buffer) => Buffer;
  readonly opens: boolean;
}

const SMALL = 20_000;
const lines = (log: Buffer, count: number): string => log.subarray(0, Math.min(log.length, count * 90)).toString('latin1');
const ENDING =
  '1: (71) r0 = *(u8 *)(r2 +0)\nR2 offset is outside of the packet\nprocessed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';

const FILES: readonly Bad[] = [
  { name: 'random-text.log', make: () => randomText(SIZE, true), opens: false },
  { name: 'one-line.log', make: () => randomText(SIZE, false), opens: false },
  { name: 'binary.log', make: () => randomBytes(SIZE), opens: false },
  { name: 'zeros.log', make: () => Buffer.alloc(SIZE), opens: false },
  { name: 'empty.log', make: () => Buffer.alloc(0), opens: false },
  { name: 'reason-behind-random-text.log', make: () => Buffer.concat([randomText(SIZE, true), Buffer.from(`\n${ENDING}`)]), opens: true },
  { name: 'reason-behind-one-line.log', make: () => Buffer.concat([randomText(SIZE, false), Buffer.from(`\n${ENDING}`)]), opens: true },
  {
    name: 'log-in-the-middle.log',
    make: () => Buffer.concat([randomText(50 * MB, true), Buffer.from(`\n${ENDING}`), randomText(50 * MB, true)]),
    opens: true,
  },
  { name: 'twenty-million-blank-lines.log', make: () => Buffer.concat([Buffer.alloc(20 * MB, 10), Buffer.from(ENDING)]), opens: true },
  { name: 'two-bytes-a-letter.log', make: (log) => Buffer.from(`\ufeff${lines(log, 400_000)}`, 'utf16le'), opens: true },
  { name: 'packed.log.gz', make: (log) => gzipSync(log, { level: 1 }), opens: true },
  { name: 'carriage-returns.log', make: (log) => Buffer.from(log.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'), opens: true },
  {
    name: 'colours.log',
    make: (log) => Buffer.from(log.toString('latin1').replaceAll(/^(\d+: \(\w\w\))/gm, '\x1b[33m$1\x1b[0m'), 'latin1'),
    opens: true,
  },
  {
    name: 'records.log',
    make: (log) =>
      Buffer.from(
        lines(log, SMALL * 10)
          .split('\n')
          .map((line, at) =>
            JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: `2026-11-27T02:00:00.${String(at).padStart(9, '0')}Z` }),
          )
          .join('\n'),
      ),
    opens: true,
  },
];

async function write(path: string, bytes: Buffer): Promise<void> {
  const stream = createWriteStream(path);
  stream.end(bytes);
  await finished(stream);
}

async function openOne(page: Page, { name, opens }: Bad, path: string): Promise<object> {
  let ms = 0;
  let said = '';
  const notices = page.getByTestId('notices').getByTestId('error-note');
  const doing = await frames(page, async () => {
    const started = performance.now();
    await page.locator('#file-picker').setInputFiles(path);
    if (opens) {
      await page.getByRole('button', { name: `Project ${name.replace(/(\.log)?\.gz$|\.log$/, '')}` }).waitFor({ timeout: 60_000 });
      await page.waitForFunction(() => document.querySelector('[data-running]') === null, undefined, { timeout: 60_000 });
      await page.locator('[data-panel=log] .vrow').first().waitFor({ timeout: 60_000 });
    } else await notices.first().waitFor({ timeout: 60_000 });
    ms = performance.now() - started;
  });
  if (!opens) {
    said = ((await notices.first().textContent()) ?? '').slice(0, 120);
    await page.getByRole('button', { name: 'Dismiss this message' }).first().click();
  } else said = ((await page.getByTestId('log-lines').textContent()) ?? '').slice(0, 120);
  const asked = performance.now();
  await page.keyboard.press('Control+k');
  await page.locator('dialog.palette[open]').waitFor();
  const paletteMs = performance.now() - asked;
  await page.keyboard.press('Escape');
  return { ms: round(ms), said, paletteMs: round(paletteMs), ...doing };
}

export default async function measure([only]: string[]): Promise<unknown> {
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chromium is installed');
  const root = process.env.BPFORMER_DIST ?? join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');
  const log = Buffer.from(makeLog().bytes);
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-bad-logs-'));
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  const figures: Record<string, object> = {};
  try {
    for (const file of FILES) {
      if (only && !file.name.includes(only)) continue;
      const path = join(folder, file.name);
      await write(path, file.make(log));
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      await page.addInitScript(() => localStorage.setItem('bpformer.desk', '"debug"'));
      await page.goto(url);
      await page.waitForSelector('[data-testid=verdict]', { timeout: 120_000 });
      await page.waitForFunction(() => document.querySelector('[data-running]') === null, undefined, { timeout: 300_000 });
      try {
        figures[file.name] = { ...(await openOne(page, file, path)), errors };
      } catch (error) {
        figures[file.name] = { failed: (error as Error).message.split('\n')[0], errors };
      }
      console.error(file.name, JSON.stringify(figures[file.name]));
      await page.close();
      rmSync(path);
    }
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
  return { loadAverage: round(loadavg()[0]!, 1), files: figures };
}
