/**
 * `npm run long worker-pipes [ROUNDS]`: whether Chromium survives when it ends workers amid a stream. A worker that is ended while it is deaf is given two seconds; what it
 * does just then differs: a stream piped through a `TransformStream`, one piped through a `DecompressionStream`, and the ways that BPFormer's workers read, piece by piece.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { chromium } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';

const WORKERS = 5;
const PACKED = gzipSync(Buffer.alloc(20_000_000));

const WAYS = {
  transform: `const source = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(10)) });
    const busy = (chunk, to) => { for (const end = performance.now() + 0.05; performance.now() < end; ); to.enqueue(chunk); };
    await source.pipeThrough(new TransformStream({ transform: busy })).pipeTo(new WritableStream());`,
  decompression: `const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    while (!(await reader.read()).done);`,
  pieces: `const reader = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(10)) }).getReader();
    while (!(await reader.read()).done);`,
  response: `const reader = (await fetch('packed')).body.getReader();
    const pull = async (to) => { const { done, value } = await reader.read(); if (done) to.close(); else to.enqueue(value); };
    await new Response(new ReadableStream({ pull })).arrayBuffer();`,
};

/** Deaf until just before it is ended, then at work in one of the ways. */
const workerOf = (way: string): string => `onmessage = async ({ data: { until, packed } }) => {
  while (performance.timeOrigin + performance.now() < until);
  for (;;) { ${way} }
};
postMessage('ready');`;

/** In the page: ends `workers` of them two seconds before they begin. */
const ROUND = `async (workers) => {
  const packed = new Uint8Array(await (await fetch('packed')).arrayBuffer());
  const begun = [];
  for (let at = 0; at < workers; at++) {
    const worker = new Worker('worker.js');
    await new Promise((resolve) => { worker.onmessage = resolve; });
    begun.push(worker);
  }
  const now = performance.timeOrigin + performance.now();
  for (const [at, worker] of begun.entries()) worker.postMessage({ until: now + 100 + 2000 - 3 * at, packed });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const worker of begun) worker.terminate();
  await new Promise((resolve) => setTimeout(resolve, 4000));
}`;

async function survived(way: string, rounds: number, executablePath: string): Promise<{ rounds: number; ended: number; crashed: boolean }> {
  const server = createServer(({ url }, response) => {
    if (url === '/worker.js') response.setHeader('content-type', 'text/javascript').end(workerOf(way));
    else if (url === '/packed') response.end(PACKED);
    else response.setHeader('content-type', 'text/html').end('<!doctype html><title>workers</title>');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  let crashed = false;
  let round = 0;
  try {
    const page = await browser.newPage();
    page.on('crash', () => {
      crashed = true;
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    while (round < rounds && !crashed) {
      round++;
      await page.evaluate(`(${ROUND})(${WORKERS})`).catch((error: Error) => {
        if (!crashed && !/crash/i.test(error.message)) throw error;
        crashed = true;
      });
    }
  } finally {
    await browser.close();
    server.close();
  }
  return { rounds: round, ended: round * WORKERS, crashed };
}

export default async function measure([rounds = '10']: string[]): Promise<unknown> {
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chromium is installed');
  const figures: Record<string, unknown> = {};
  for (const [name, way] of Object.entries(WAYS)) figures[name] = await survived(way, Number(rounds), executablePath);
  return figures;
}
