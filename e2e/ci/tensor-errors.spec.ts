import { noViolations } from '../axe.ts';
import { coarsen, expect, FEW_PACKETS, replayed, test } from '../page.ts';

test('over many events the map of tensors names the operator that was quantised too coarsely, and leads to its tensor', async ({
  site,
}) => {
  await replayed(site, FEW_PACKETS);
  await site.getByRole('radio', { name: 'Replay' }).click();
  const compare = site.locator('[data-panel=compare]');
  await compare.getByRole('button', { name: 'Tensors', exact: true }).click();
  const view = compare.getByTestId('error-map-view');
  const first = compare.getByTestId('error-map-first');
  await expect(view).toHaveAttribute('data-status', 'done');
  await expect(first).toHaveAttribute('data-tensor', '');
  await noViolations(site, { parts: ['[data-panel=compare]'] });

  const name = await coarsen(site);

  await site.getByRole('tab', { name: 'Compare' }).click();
  await expect(view).toContainText('measured on another program');
  await view.getByRole('button', { name: 'Largest differences' }).click();
  await view.getByRole('button', { name: 'Measure again' }).click();
  await expect(view).toHaveAttribute('data-status', 'running');
  await expect(view).toHaveAttribute('data-status', 'done');
  // The tensor of the step that holds the product; its name begins like the product's.
  const place = name.slice(0, name.lastIndexOf('/'));
  await expect(first).toHaveAttribute('data-tensor', new RegExp(`^${place}`));
  await expect(first).toContainText(/First to part: .* Most is added by .* Worst: /);

  const map = view.getByTestId('error-map');
  await map.focus();
  await map.press('ArrowDown');
  await map.press('End');
  await expect(view.getByTestId('error-map-here')).toContainText(/at event \d+: error .*, of which its step adds/);
  await map.press('Enter');
  await expect(site.getByTestId('tensor-name')).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=compare]'] });
});
