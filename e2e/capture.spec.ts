import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { noViolations } from './axe.ts';
import { expect, samples, test } from './page.ts';

test.use({ start: 'small program' });

test('a packed capture that is cut is filtered, dissected, followed and recorded', async ({ site }) => {
  const whole = gzipSync(readFileSync(join(samples, 'payload', 'heldout.pcap')));
  await site.getByRole('radio', { name: 'Replay' }).click();
  await site.getByRole('tab', { name: 'Capture' }).click();
  const panel = site.locator('[data-panel=capture]');
  const cut = whole.subarray(0, Math.floor(whole.length / 2));
  await panel.getByTestId('capture-file').setInputFiles({ name: 'cut.pcap.gz', mimeType: 'application/gzip', buffer: cut });
  await expect(panel.getByText(/the compressed data is cut/)).toBeVisible();

  const filter = panel.getByRole('combobox', { name: 'Display filter' });
  await filter.fill('http.request.method == GETT"');
  await expect(panel.getByTestId('filter-problem')).toBeVisible();
  await filter.fill('http.request.method == "GET" && !ipv6');
  await expect(panel.getByTestId('filter-problem')).toHaveCount(0);
  await filter.press('Enter');
  await expect(panel.getByRole('listbox', { name: 'Packets of the capture' }).getByRole('option').first()).toContainText('GET');
  await expect(site.getByText(/ pass$/)).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=capture]'] });

  await site.getByRole('button', { name: 'Use as trace' }).click();
  await site.getByRole('tab', { name: 'Effects' }).click();
  const effects = site.locator('[data-panel=effects]');
  await effects.getByRole('button', { name: 'Record' }).click();
  await expect(effects.getByText('No packet was rewritten')).toBeVisible();
  await effects.getByRole('button', { name: 'Maps' }).click();
  await expect(effects.getByText('The program has no map')).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=effects]'] });
});
