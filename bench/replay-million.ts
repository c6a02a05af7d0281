/**
 * A million packets through the sample's program in the built site: `npm run long replay-million` (after `npm run build`). Its binding sends one port
 * to the Transformer and passes the others. The capture is opened as a file in Chromium and replayed by the Trace panel, three times over: packets
 * in a second, frames of the page meanwhile, and the memory of its process.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { tokensOf } from '../src/hooks/tokens.ts';
import { writeCapture } from '../src/traces/capture/write.ts';
import { frames, round } from './browser/frames.ts';
import { ownWork } from './browser/own-work.ts';
import { PacketMaker } from './packets.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const PACKETS = 1_000_000;
/** So many are made by the generator; the capture holds them again and again, later each time. */
const MADE = 50_000;
/** No generated flow has it but by chance. */
const PORT = 4444;
const PAYLOAD = { kind: 'payload', tensor: 'tokens', layer: 'l4_payload', length: 48, pad: 256, ports: [PORT], otherwise: 'PASS' } as const;
const BINDING = {
  hook: 'xdp',
  input: PAYLOAD,
  output: { kind: 'threshold', tensor: 'logits', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
};
const SAMPLE_MS = 100;

/** Writes the capture, and tells how many of its packets the model sees. */
function writeMillion(path: string): { bytes: number; seen: number } {
  const made = new PacketMaker(7).make(MADE);
  const rounds = PACKETS / MADE;
  const seen = made.filter(({ data }) => tokensOf(data, PAYLOAD) !== null).length * rounds;
  const file = openSync(path, 'w');
  let bytes = 0;
  for (let round_ = 0; round_ < rounds; round_++) {
    const part = writeCapture(
      made.map(({ data, seconds, fraction }) => ({
        data,
        timeNs: BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(fraction ?? 0) * 1000n + BigInt(round_) * 100_000_000_000n,
      })),
    );
    // Only the first part keeps the header of the file.
    bytes += writeSync(file, part, round_ === 0 ? 0 : 24);
  }
  closeSync(file);
  return { bytes, seen };
}

/** The process that runs page and workers: memory in MB, and processor time since it began. */
interface Process {
  resident(): number;
  cpuSeconds(): number;
}

async function renderer(browser: Browser): Promise<Process> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as { processInfo: { type: string; id: number }[] };
  const resident = (pid: number): number => {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
    } catch {
      return 0;
    }
  };
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return {
    resident: () => Math.round(Math.max(...pids.map(resident))),
    cpuSeconds: () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
  };
}

/** Ticks of user and system time (proc(5), /proc/pid/stat), a hundred a second. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

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
  const { bytes, seen } = writeMillion(path);
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
