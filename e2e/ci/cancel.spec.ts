import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { writeCapture } from '../../src/traces/capture/write.ts';
import { expect, open, test } from '../page.ts';

test.use({ start: 'small program' });

/** So many take a page several seconds to run, with a loop of some thousand instructions for each. */
const PACKETS = 400_000;
/** So many small ones take it a second to read. */
const [SMALL_PACKETS, SMALL_BYTES] = [6_000_000, 14];
const LOOP = ['.section xdp', '.license GPL', 'r1 = 0', 'again: r1 += 1', 'if r1 < 2000 goto again', 'r0 = 2', 'exit'].join('\n');

const folder = mkdtempSync(join(tmpdir(), 'bpformer-cancel-'));
const path = join(folder, 'many.pcap');
const longPath = join(folder, 'long.pcap');
test.beforeAll(() => {
  const data = new Uint8Array(60);
  writeFileSync(path, writeCapture(Array.from({ length: PACKETS }, (_, at) => ({ data, timeNs: BigInt(at) * 1000n }))));
  const part = Array.from({ length: SMALL_PACKETS / 60 }, (_, at) => ({ data: new Uint8Array(SMALL_BYTES), timeNs: BigInt(at) }));
  const bytes = writeCapture(part);
  writeFileSync(longPath, bytes);
  const records = bytes.subarray(writeCapture([]).length);
  for (let at = 1; at < 60; at++) appendFileSync(longPath, records);
});
test.afterAll(() => rmSync(folder, { recursive: true }));

/** Reading of which it is known how far it is: the worker is at it. */
const UNDER_WAY = '[data-panel=trace] .progress:has([aria-valuenow])';

/** Presses Stop within `scope` the moment it is there and at least `least` events have run; gives how many had, at the press. */
function stopAt(site: Page, scope: string, least: number): Promise<number> {
  return site.evaluate(
    ([within, from]) =>
      new Promise<number>((resolve) => {
        const look = () => {
          const done = Number(document.querySelector<HTMLElement>('[data-testid=replayed]')?.dataset.done ?? 0);
          const button = [...document.querySelectorAll<HTMLButtonElement>(`${within} button`)].find(
            (one) => one.textContent?.trim() === 'Stop',
          );
          if (!button || done < from) return;
          observer.disconnect();
          button.click();
          resolve(done);
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
        look();
      }),
    [scope, least] as const,
  );
}

test('reading a trace, a replay shared by workers, and the first look of the debugger are stopped at once, and begin again', async ({
  site,
}) => {
  // As on a machine of four processors: three workers share a replay.
  await site.addInitScript(() => Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 4 }));
  await site.reload();
  await open(site, { name: 'loop.s', mimeType: 'text/plain', buffer: Buffer.from(`${LOOP}\n`) });
  // The verdict of the program before it, perhaps: the trace goes to this one all the same, since files open in their order.
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByRole('radio', { name: 'Replay' }).click();
  const panel = site.locator('[data-panel=trace]');
  const bar = panel.getByTestId('replay-bar');
  const replayed = site.getByTestId('replayed');

  const reading = stopAt(site, UNDER_WAY, 0);
  await open(site, longPath);
  await reading;
  await expect(panel.getByText('Stopped reading the trace')).toBeVisible();
  await expect(replayed).toHaveCount(0);
  const readingAgain = stopAt(site, UNDER_WAY, 0);
  await site.getByRole('button', { name: 'Replay', exact: true }).click();
  await readingAgain;
  await expect(panel.getByText('Stopped reading the trace')).toBeVisible();

  // More than the first events and the first share of one worker have run.
  const sharing = stopAt(site, '[data-testid=replay-bar]', 16_384);
  await open(site, path);
  const ran = await sharing;
  await expect(bar.getByLabel('Workers')).toHaveValue('3');
  await expect(bar.getByTestId('replay-partial')).toHaveText(/^▲ stopped: [\d,]+ of 400,000 are replayed/);
  const stands = Number(await replayed.getAttribute('data-done'));
  expect(stands).toBeGreaterThanOrEqual(ran);
  expect(stands).toBeLessThan(PACKETS);
  // What was decided before stays, what was not has no verdict.
  await expect(panel.locator('[data-packet="0"] [data-verdict]')).toHaveText('PASS');
  await panel.getByRole('listbox', { name: 'Packets' }).focus();
  await site.keyboard.press('End');
  await expect(panel.locator(`[data-packet="${PACKETS - 1}"] [data-verdict]`)).toHaveText('');
  await bar.getByRole('button', { name: 'Go on' }).click();
  await expect(replayed).toHaveAttribute('data-done', String(PACKETS));
  await expect(panel.locator(`[data-packet="${PACKETS - 1}"] [data-verdict]`)).toHaveText('PASS');

  // A first look is over in no time, so the debugger's script is kept back until it was stopped.
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await site.route(/\/machine\.worker/, async (route) => {
    await released;
    await route.continue();
  });
  await site.getByRole('radio', { name: 'Debug' }).click();
  await site.getByRole('tab', { name: 'Machine', exact: true }).click();
  const machine = site.getByTestId('machine');
  await machine.getByRole('button', { name: 'Stop', exact: true }).click();
  release();
  await expect(machine.getByText('Stopped before the first instruction of this event')).toBeVisible();
  await expect(machine.getByRole('progressbar')).toHaveCount(0);
  await machine.getByRole('button', { name: 'Try again' }).click();
  await expect(machine).toHaveAttribute('data-status', 'paused');
  await expect(machine).toHaveAttribute('data-step', '0');
});
