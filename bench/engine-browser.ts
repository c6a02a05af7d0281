/** The payload sample as WebAssembly in a worker of Chromium, under the site's own security policy: `npm run long engine-browser`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { build } from 'vite';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { CSP } from '../scripts/csp.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const runtime = resolve(here, '../node_modules/onnxruntime-web/dist');
const sample = resolve(here, '../public/samples/payload');
const PAGE_SCRIPT = `window.answer = new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
});`;

/** The worker and what it loads, by path. */
async function bundle(): Promise<Map<string, string>> {
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    build: { write: false, lib: { entry: join(here, 'browser/engine-worker.ts'), formats: ['es'], fileName: 'worker' } },
  });
  const [output] = [built].flat();
  if (!('output' in output)) throw new Error('nothing was built');
  return new Map(
    output.output.flatMap((part, i) => (part.type === 'chunk' ? [[i === 0 ? '/worker.js' : `/${part.fileName}`, part.code]] : [])),
  );
}

export default async function measure(): Promise<unknown> {
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chromium was found; name one in BPFORMER_CHROMIUM');
  const scripts = await bundle();
  const server = createServer((request, response) => {
    const answer = (type: string, body: string | Uint8Array): void => {
      response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP }).end(body);
    };
    const path = request.url ?? '';
    if (path === '/') answer('text/html', '<!doctype html><title>engine</title><script src="/page.js"></script>');
    else if (path === '/page.js') answer('text/javascript', PAGE_SCRIPT);
    else if (scripts.has(path)) answer('text/javascript', scripts.get(path)!);
    else if (path.startsWith('/ort/')) {
      answer(path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript', readFileSync(join(runtime, basename(path))));
    } else if (path.startsWith('/sample/')) answer('application/octet-stream', readFileSync(join(sample, basename(path))));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const answer = await page.evaluate(() => (window as unknown as { answer: Promise<{ figures?: unknown; error?: string }> }).answer);
    if (answer.error !== undefined) throw new Error(answer.error);
    return { browser: browser.version(), ...(answer.figures as object) };
  } finally {
    await browser.close();
    server.close();
  }
}
