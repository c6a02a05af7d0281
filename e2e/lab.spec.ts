import { noViolations } from './axe.ts';
import { agreement, coarsen, expect, FEW_PACKETS, replayed, test } from './page.ts';

test('an operator quantised too coarsely is named as where the error begins, and thresholds are judged by the labels', async ({ site }) => {
  await replayed(site, FEW_PACKETS);
  await site.getByRole('radio', { name: 'Replay' }).click();
  const name = await coarsen(site);

  await site.getByRole('tab', { name: 'Compare' }).click();
  const compare = site.locator('[data-panel=compare]');
  expect(await agreement(site)).toBeLessThan(1);
  await compare.getByRole('button', { name: 'Errors' }).click();
  await compare.getByTestId('worst-events').getByRole('button', { name: 'Show its tensors' }).first().click();
  const source = site.getByTestId('divergence-source');
  await expect(source).toContainText('The error begins at');
  // The step that holds the product makes the tensor; the name of its node begins like the product's.
  await expect(source).toContainText(name.slice(0, name.lastIndexOf('/')));
  await source.click();
  await expect(site.getByTestId('tensor-name')).toContainText(name.slice(0, name.lastIndexOf('/')));

  await compare.getByRole('button', { name: 'Detection' }).click();
  const counts = compare.getByTestId('detection-counts');
  const threshold = compare.getByRole('slider');
  await threshold.fill('0.9');
  await expect(counts.getByRole('row', { name: /^recall/ })).toContainText('%');
  await compare.getByRole('button', { name: 'Go there' }).click();
  await compare.getByRole('button', { name: 'Put it into the binding' }).click();
  await expect(compare.getByRole('button', { name: 'Put it into the binding' })).toBeDisabled();

  // Two runs in this tab: the coarse product, and the same with another threshold.
  await compare.getByRole('button', { name: 'Runs' }).click();
  await expect(compare.getByTestId('runs')).toHaveAttribute('data-runs', '2');
  const rows = compare.getByTestId('runs').locator('.runs-table tbody tr');
  await rows.last().getByRole('button').click();
  await compare.getByRole('button', { name: 'Make it the baseline' }).click();
  await expect(rows.first()).toContainText('points');
  const report = site.waitForEvent('download');
  await rows.first().getByRole('button').click();
  await compare.getByRole('button', { name: 'Save as HTML' }).click();
  expect((await report).suggestedFilename()).toMatch(/^payload-ids-.*\.html$/);
  await noViolations(site, { parts: ['[data-panel=compare]', '[data-panel=tensors]'] });
});
