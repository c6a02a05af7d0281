import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, keptIn, kernel, open, samples, test } from '../page.ts';

test.use({ start: 'small program' });

test('a project that was left lets go of its workers and files, and comes back with them and its undo steps', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const buffer = readFileSync(join(samples, 'rejected', 'unchecked.s'));
  await open(site, { name: 'unchecked.s', mimeType: 'text/plain', buffer });
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await kernel(site).selectOption('6.6');
  await keptIn(site);
  await site.getByRole('radio', { name: 'Debug' }).click();
  await site.getByRole('tab', { name: 'Machine', exact: true }).click();
  await expect.poll(() => site.workers().some((worker) => worker.url().includes('machine.worker'))).toBe(true);
  // On a desk without a debugger nothing asks for it any more.
  await site.getByRole('radio', { name: 'Explore' }).click();
  await open(site, { name: 'other.s', mimeType: 'text/plain', buffer: Buffer.from('.section xdp\n.license GPL\nr0 = 1\nexit\n') });
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect.poll(() => site.workers().some((worker) => worker.url().includes('machine.worker')), { timeout: 60_000 }).toBe(false);
  await site.getByRole('button', { name: /^Project other\.s/ }).click();
  await site
    .getByRole('menuitem', { name: /unchecked\.s/ })
    .first()
    .click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await site.getByRole('button', { name: 'Undo: kernel 6.6' }).click();
  await expect(kernel(site)).toHaveValue('6.18');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
});
