import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noViolations } from '../axe.ts';
import { agreement, expect, FEW_PACKETS, replayed, samples, test } from '../page.ts';

/** The sample's model with other weights: floats of its raw data, some of them halved, which leaves every shape as it is. */
function retrained(): Buffer {
  const model = Buffer.from(readFileSync(join(samples, 'payload', 'payload-ids.onnx')));
  // Long runs of plausible float32 numbers are the matrices; names and headers are no such runs.
  const plausible = (at: number): boolean => {
    const value = Math.abs(model.readFloatLE(at));
    return value > 1e-6 && value < 4;
  };
  let changed = 0;
  for (let start = 0; start < 4; start++) {
    for (let at = start; at + 4 <= model.length; ) {
      let end = at;
      while (end + 4 <= model.length && plausible(end)) end += 4;
      if (end - at < 512) {
        at = Math.max(end, at + 4);
        continue;
      }
      for (let i = at; i < end; i += 12) {
        model.writeFloatLE(model.readFloatLE(i) * 0.5, i);
        changed++;
      }
      at = end;
    }
  }
  expect(changed).toBeGreaterThan(1000);
  return model;
}

test('precision is chosen, searched for and measured by node, and new weights decide from one event on', async ({ site }) => {
  await site.emulateMedia({ reducedMotion: 'reduce' });
  await replayed(site, FEW_PACKETS);
  await site.getByRole('tab', { name: 'Numbers' }).click();
  const panel = site.locator('[data-panel=numbers]');

  await panel.getByTestId('accuracy').getByRole('button', { name: 'Measure' }).click();
  const errors = panel.getByRole('table', { name: 'Error by node' });
  await expect(errors).toBeVisible();
  await errors
    .getByRole('button', { name: /LayerNormalization/ })
    .first()
    .click();
  await expect(errors.locator('tr.selected')).toHaveCount(1);

  const search = panel.getByTestId('search');
  await search.getByRole('button', { name: 'Search' }).click();
  await search.getByRole('button', { name: 'Stop' }).click();
  await expect(search.getByRole('progressbar')).toHaveCount(0);
  await search.getByLabel('Spare').selectOption('bytes');
  await search.getByRole('button', { name: 'Search' }).click();
  await expect(search.getByRole('table').getByText('w16a16')).toBeVisible();
  await search.getByRole('button', { name: 'Stop' }).click();

  const swap = panel.getByTestId('swap');
  await swap.getByLabel('From event').fill('33');
  await swap
    .locator('input[type=file]')
    .setInputFiles({ name: 'retrained.onnx', mimeType: 'application/octet-stream', buffer: retrained() });
  await expect(swap.getByRole('status')).toContainText(/retrained.onnx decides from event 33 on: \d+ of 32 verdicts changed/);
  // Compare judges the new weights by the new model: the old one decides otherwise.
  expect(await agreement(site)).toBe(1);
  await expect(site.getByText(/From event 33 on both sides run retrained.onnx/)).toBeAttached();
  await swap.getByRole('button', { name: 'Old weights again' }).click();
  await expect(swap.getByRole('status')).toHaveCount(0);

  await panel.getByLabel('All products').selectOption('w4a16');
  await replayed(site, FEW_PACKETS);
  await panel.getByText('By product, largest first').click();
  await panel
    .getByRole('combobox', { name: /^Precision of/ })
    .first()
    .selectOption('w16a16');
  await replayed(site, FEW_PACKETS);
  await expect(panel.getByRole('button', { name: 'All the same' })).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=numbers]'] });
});
