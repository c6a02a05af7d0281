import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, expect, type Page, test } from '@playwright/test';
import type { Program } from '../../src/bpf/program.ts';
import { openKernel, whyNoKernel } from '../../src/companion/kernel.ts';
import { structuredProgram } from '../../src/verifier/testing/generator/program.ts';
import { randomProgram } from '../../src/verifier/testing/random-programs.ts';
import { verify } from '../../src/verifier/verify.ts';
import { noViolations } from '../axe.ts';
import { findBrowser, LAUNCH_ARGS } from '../browser.ts';
import { openKernelPanel, runsAlike, type Started, startCompanion, verdict } from '../companion.ts';
import { judge, kernelCase } from '../kernel-cases.ts';
import { choose, cutCapture, open, replayed } from '../page.ts';

const kernel = await openKernel();
if (!kernel && process.env.BPFORMER_NEEDS_KERNEL) throw new Error(`kernel tests must run here: ${whyNoKernel()}`);
kernel?.close();
test.skip(!kernel, 'no kernel can be asked');
test.describe.configure({ mode: 'default' });

let companion: Started & { readonly first: string };
test.beforeAll(async () => {
  companion = await startCompanion();
});
test.afterAll(() => companion?.end());

/** Programs that the kernel holds now, by name. */
function loadedNow(name: string): number {
  const all = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8', maxBuffer: 1 << 26 })) as { name?: string }[];
  return all.filter((one) => one.name === name.slice(0, 15)).length;
}

/** Comes to the companion's page by an address; its sample has `FEW_PACKETS` packets unless the whole capture is asked for. */
async function enter(page: Page, address: string, wholeCapture = false): Promise<string[]> {
  if (!wholeCapture) await cutCapture(page.context());
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(address);
  await page.waitForURL(/:\d+\/$/);
  return problems;
}

test('every sample has the verdict, the log and the results of this machine’s kernel, in the page', async ({ page }) => {
  const problems = await enter(page, companion.first, true);
  await replayed(page, 2000);
  const panel = await openKernelPanel(page);
  await noViolations(page, { parts: ['[data-panel=kernel]'] });
  const accepted: string[] = [];
  const judgeSample = async (name: string, runs: boolean): Promise<void> => {
    await panel.getByRole('button', { name: 'Verdict', exact: true }).click();
    await panel.getByLabel('Log level').selectOption('1');
    const said = await verdict(panel);
    expect(said, name).toMatchObject({ same: true });
    if (said.accepted) accepted.push(name);
    if (said.accepted && runs) expect(await runsAlike(panel), name).toBe(true);
  };
  await judgeSample('payload-ids', true);
  await noViolations(page, { parts: ['[data-panel=kernel]'] });
  // Every instruction that the verifier goes through, on both sides.
  await panel.getByRole('button', { name: 'Verdict', exact: true }).click();
  await panel.getByLabel('Log level').selectOption('2');
  await panel.getByRole('button', { name: 'Ask the kernel', exact: true }).click();
  await expect(panel.getByTestId('kernel-figures')).toHaveAttribute('data-lines', /\d{6}/);
  await expect(panel.getByTestId('kernel-figures')).toHaveAttribute('data-differing', '0');

  await panel.getByRole('button', { name: 'Replay', exact: true }).click();
  await panel.getByRole('button', { name: 'Replay it in the kernel' }).click();
  const replay = panel.getByTestId('kernel-replay');
  await expect(replay).toHaveAttribute('data-complete', 'true');
  await expect(replay).toHaveAttribute('data-done', '2000');
  await expect(replay).toHaveAttribute('data-differing', '0');
  await expect(panel.getByTestId('kernel-agreement')).toHaveAttribute('data-agreement', '1');

  await panel.getByRole('button', { name: 'Kernels', exact: true }).click();
  await panel.getByRole('button', { name: 'Ask all kernels' }).click();
  await expect(panel.getByTestId('kernel-matrix')).toHaveAttribute('data-cells', '5');
  const real = panel.locator('tr[data-real="this machine"]');
  await expect(real).toHaveAttribute('data-same', 'true');
  await expect(panel.locator('tr[data-real=profile]')).toHaveCount(4);

  // How many the status bar says once they have run.
  const events = (count: string) => expect(page.getByText(`${count} events`, { exact: true })).toBeVisible();
  for (const [name, runs, ready] of [
    ['motion', true, () => events('512')],
    ['flows', true, () => events('1,314')],
    ['syscalls', false, () => expect(page.getByText('1,314 events', { exact: true })).toHaveCount(0)],
    ['unchecked', false, () => expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false')],
    ['classifier.c', true, () => expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true')],
    ['model.c', true, () => events('2,000')],
  ] as const) {
    await choose(page, new RegExp(`^${name}`));
    await openKernelPanel(page);
    await ready();
    await judgeSample(name, runs);
  }
  expect(accepted).toEqual(['payload-ids', 'motion', 'flows', 'syscalls', 'classifier.c', 'model.c']);
  expect(problems).toEqual([]);
});

test('the object of the sample that writes text opens as a project: verdict, log and text are this machine’s kernel’s', async ({
  page,
}) => {
  const problems = await enter(page, await companion.address());
  await choose(page, /^stories/);
  const text = page.locator('[data-panel=text]');
  const write = text.getByRole('button', { name: 'Write' });
  await expect(write).toBeEnabled();
  const prompt = 'One day, a brave girl named Lily';
  await text.getByLabel('Prompt').fill(prompt);
  // Always the likeliest token.
  await text.getByLabel('Temperature').fill('0');
  await write.click();
  await expect(text.getByTestId('text-ending')).toBeVisible();
  const story = (await text.getByRole('option').allTextContents()).join('');
  const saving = page.waitForEvent('download');
  await text.getByRole('button', { name: 'Save object' }).click();
  await open(page, { name: 'stories.o', mimeType: '', buffer: readFileSync(await (await saving).path()) });
  await expect(page.getByRole('button', { name: 'Project stories.o' })).toBeVisible();

  const panel = await openKernelPanel(page);
  expect(await verdict(panel)).toMatchObject({ accepted: true, same: true });
  await panel.getByRole('button', { name: 'Run', exact: true }).click();
  await panel.getByLabel('Prompt').fill(prompt);
  await panel.getByLabel('Tokens').selectOption('64');
  expect(await runsAlike(panel)).toBe(true);
  const written = panel.getByRole('row', { name: /^text written/ }).getByRole('cell');
  const said = await written.nth(1).textContent();
  expect(said!.length).toBeGreaterThan(100);
  expect(story.startsWith(said!)).toBe(true);
  await noViolations(page, { parts: ['[data-panel=kernel]'] });
  expect(problems).toEqual([]);
});

/** The page is not kept waiting for the verifiers. */
const isShort = (program: Program): boolean => verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 }).processed < 5000;

test('programs of many kinds have the kernel’s verdict, log and results', async ({ page }) => {
  await enter(page, await companion.address());
  const panel = await openKernelPanel(page);
  const cases = [];
  for (let seed = 1; cases.length < 16; seed++) {
    const program = structuredProgram(seed, { engine: true });
    const made = isShort(program) ? kernelCase(program, `structured_${seed}`, true) : null;
    if (made) cases.push(made);
  }
  for (let seed = 1; cases.length < 24; seed++) {
    const made = kernelCase(randomProgram(seed), `random_${seed}`, false);
    if (made) cases.push(made);
  }
  const { differences, accepted, ran } = await judge(page, panel, cases);
  expect(differences).toEqual([]);
  expect(accepted).toBeGreaterThan(12);
  expect(ran).toBeGreaterThan(10);
});

test.describe('who is refused', () => {
  let stranger: Server;
  let strange: string;
  test.beforeAll(async () => {
    stranger = createServer((_, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>elsewhere</title>'),
    );
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    strange = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`;
  });
  test.afterAll(() => void stranger.close());

  test('a page of another origin, on whatever way it tries', async ({ page }) => {
    await page.goto(strange);
    const api = `http://127.0.0.1:${companion.port}/companion/api/`;
    const failed: string[] = [];
    page.on('requestfailed', (request) => {
      if (request.url().startsWith(api)) failed.push(request.failure()?.errorText ?? '');
    });
    const tried = await page.evaluate(async (base) => {
      const outcome = async (path: string, init: RequestInit): Promise<string> => {
        try {
          const response = await fetch(base + path, init);
          return response.type === 'opaque' ? 'opaque' : `read ${response.status}`;
        } catch {
          return 'blocked';
        }
      };
      const typed = { 'Content-Type': 'application/octet-stream', Authorization: 'Bearer x' };
      return [
        await outcome('hello', { method: 'POST', headers: typed, body: 'x' }),
        await outcome('hello', { method: 'POST', mode: 'no-cors', body: 'x' }),
        await outcome('session', { method: 'POST', mode: 'no-cors', body: 'x' }),
        await outcome('lease', { method: 'GET', mode: 'no-cors' }),
      ];
    }, api);
    expect(tried).toEqual(['blocked', 'blocked', 'blocked', 'blocked']);
    // The first is not even sent: the browser asks before, and gets no leave. The others are refused, and the answer is kept from the page.
    expect(failed.length).toBeGreaterThanOrEqual(4);
    // Nor may it show the companion's page inside its own.
    await page.evaluate((url) => {
      const frame = document.createElement('iframe');
      frame.src = url;
      document.body.append(frame);
    }, `http://127.0.0.1:${companion.port}/`);
    const framed = page.frames().at(-1)!;
    await framed.waitForLoadState();
    expect(framed.url()).not.toContain(`:${companion.port}/`);
  });

  test('a token that is wrong, and one that was used', async ({ page, context }) => {
    const address = await companion.address();
    await page.goto(`${address.split('#')[0]}#${'A'.repeat(43)}`);
    await expect(page.getByRole('status')).toContainText('wrong, too old or used already');
    await page.goto('about:blank');
    await enter(page, address);
    const again = await context.newPage();
    await again.goto(address);
    await expect(again.getByRole('status')).toContainText('wrong, too old or used already');
    expect(await again.evaluate(() => sessionStorage.length)).toBe(0);
    // A tab without the key asks in vain, and says how to get one.
    await again.goto(`http://127.0.0.1:${companion.port}/`);
    await again.getByRole('radio', { name: 'Debug' }).click();
    await again.getByRole('tab', { name: 'Kernel', exact: true }).click();
    await expect(again.getByTestId('kernel')).toHaveAttribute('data-status', 'none');
    await again.getByLabel('Token or address').fill(await companion.address());
    await again.getByRole('button', { name: 'Connect' }).click();
    await expect(again.getByTestId('kernel')).toHaveAttribute('data-status', 'connected');
  });

  test('another name that leads here, as DNS rebinding makes it', async () => {
    const executablePath = await findBrowser();
    const rebound = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: [...LAUNCH_ARGS, '--host-resolver-rules=MAP rebound.example 127.0.0.1'],
    });
    try {
      const page = await rebound.newPage();
      const reply = await page.goto(`http://rebound.example:${companion.port}/`);
      expect(reply!.status()).toBe(421);
      const asked = await page.evaluate(async () => {
        const response = await fetch('/companion/api/hello', {
          method: 'POST',
          headers: { 'Content-Type': 'application/octet-stream' },
          body: 'x',
        });
        return response.status;
      });
      expect(asked).toBe(421);
    } finally {
      await rebound.close();
    }
  });
});

test('what a page has loaded is gone with its tab, however that ends, and with the companion', async ({ page }) => {
  const own = await startCompanion();
  await enter(page, own.first);
  const panel = await openKernelPanel(page);
  expect(await runsAlike(panel)).toBe(true);
  const isLoaded = () => loadedNow('payload_ids');
  expect(isLoaded()).toBe(1);
  // The whole browser dies.
  const executablePath = await findBrowser();
  const doomed = await chromium.launchServer({ ...(executablePath ? { executablePath } : {}), args: LAUNCH_ARGS });
  const other = await chromium.connect(doomed.wsEndpoint());
  const second = await other.newPage();
  await enter(second, await own.address());
  expect(await runsAlike(await openKernelPanel(second))).toBe(true);
  expect(isLoaded()).toBe(2);
  await doomed.kill();
  await expect.poll(isLoaded).toBe(1);

  // A write waits for the word in the terminal.
  await panel.getByRole('button', { name: 'Maps', exact: true }).click();
  await panel.getByRole('button', { name: 'Read the maps' }).click();
  const map = panel.getByRole('combobox', { name: 'Map' });
  await map.selectOption('score');
  // It names the map whose entries are shown.
  await expect(map).toHaveValue('score');
  const key = panel.getByTestId('kernel-entries').locator('tbody td').first();
  await expect(key).toHaveText('00000000');
  const value = panel.getByTestId('kernel-entries').locator('tbody td').nth(1);
  const size = ((await value.textContent())!.length / 2) | 0;
  await panel.getByLabel('key', { exact: true }).fill('00000000');
  await panel.getByLabel('value', { exact: true }).fill('ab'.repeat(size));
  await panel.getByRole('button', { name: 'Write this entry' }).click();
  await own.says('asks to write map score');
  own.type('yes');
  await expect(value).toHaveText('ab'.repeat(size));

  await own.end();
  await expect(panel.getByTestId('kernel')).toHaveAttribute('data-status', 'lost');
  await expect(panel.getByRole('alert')).toContainText('does not answer');
  // What was said stays.
  await expect(panel.getByTestId('kernel-entries')).toBeVisible();
  expect(isLoaded()).toBe(0);

  // Begun again in the same place, it is asked as before.
  const next = await startCompanion('--port', String(own.port));
  await panel.getByLabel('Token or address').fill('a guess');
  await panel.getByRole('button', { name: 'Connect' }).click();
  await expect(panel.getByText('This is no token of a companion')).toBeVisible();
  await panel.getByLabel('Token or address').fill(next.first);
  await panel.getByRole('button', { name: 'Connect' }).click();
  await expect(panel.getByTestId('kernel')).toHaveAttribute('data-status', 'connected');
  expect(await runsAlike(panel)).toBe(true);
  await next.end();
});
