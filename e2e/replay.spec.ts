import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCapture } from '../src/traces/capture/write.ts';
import { noViolations } from './axe.ts';
import { expect, test } from './page.ts';

test.use({ start: 'small program' });

/** Enough bytes that the capture stays on disk. */
const [PACKETS, BYTES] = [12_000, 1400];
const frame = (at: number): { data: Uint8Array; timeNs: bigint } => {
  const data = new Uint8Array(BYTES).fill(at & 0xff);
  data.set([8, 0, 0x45, 0], 12);
  return { data, timeNs: 1_700_000_000_000_000_000n + BigInt(at) * 1_000_000n };
};

const folder = mkdtempSync(join(tmpdir(), 'bpformer-replay-'));
const path = join(folder, 'large.pcap');
test.beforeAll(() => writeFileSync(path, writeCapture(Array.from({ length: PACKETS }, (_, at) => frame(at)))));
test.afterAll(() => rmSync(folder, { recursive: true }));

test('a large capture is stepped, stopped and paused, noticed when it changes on disk, and there after a reload', async ({ site }) => {
  await site.getByRole('radio', { name: 'Replay' }).click();
  await site.locator('#file-picker').setInputFiles(path);
  const panel = site.locator('[data-panel=trace]');
  const bar = panel.getByTestId('replay-bar');
  const replayed = site.getByTestId('replayed');
  await expect(replayed).toHaveAttribute('data-done', String(PACKETS));

  await bar.getByLabel('Speed').selectOption('step by step');
  await bar.getByRole('button', { name: 'From the beginning' }).click();
  await expect(bar.getByTestId('replay-progress')).toHaveText('0 of 12,000, waiting for the next step');
  await bar.getByRole('button', { name: 'Step' }).click();
  await expect(replayed).toHaveAttribute('data-done', '1');
  await panel.getByRole('listbox', { name: 'Packets' }).focus();
  await site.keyboard.press('n');
  await expect(replayed).toHaveAttribute('data-done', '2');
  await expect(panel.locator('.vrow.selected [data-packet="1"]')).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=trace]'] });

  // A hundred milliseconds of the trace take a second.
  await bar.getByLabel('Speed').selectOption('real time');
  await bar.getByLabel('Times as fast').selectOption('× 0.1');
  await expect.poll(async () => Number(await replayed.getAttribute('data-done'))).toBeGreaterThan(4);
  await site.keyboard.press('p');
  await expect(bar.getByTestId('replay-progress')).toHaveText(/^‖ paused at [\d,]+ of 12,000$/);
  await bar.getByRole('button', { name: 'Stop' }).click();
  await expect(bar.getByTestId('replay-partial')).toHaveText(/^▲ stopped: [\d,]+ of 12,000 are replayed/);
  await bar.getByLabel('Speed').selectOption('as fast as possible');
  await bar.getByRole('button', { name: 'Go on' }).click();
  await expect(replayed).toHaveAttribute('data-done', String(PACKETS));

  const whole = writeCapture([frame(PACKETS)]);
  appendFileSync(path, whole.subarray(24));
  await site.evaluate(() => dispatchEvent(new Event('focus')));
  await expect(panel.getByText('The file has changed on disk, or it is gone', { exact: false })).toBeVisible();
  await panel.getByTestId('trace-again').setInputFiles(path);
  await expect(replayed).toHaveAttribute('data-done', String(PACKETS + 1));
  await expect(bar).toHaveAttribute('data-copy', 'kept');

  await site.reload();
  await expect(site.getByText('12,001 packets', { exact: false })).toBeVisible();
  await expect(replayed).toHaveAttribute('data-done', String(PACKETS + 1));
  await expect(bar.getByLabel('Speed')).toHaveValue('fast');
});
