import type { Page } from '@playwright/test';
import { expect, sample, test } from './page.ts';

const keptIn = (page: Page) => expect(page.getByTestId('save-state')).toHaveAttribute('data-status', 'saved');
const kernel = (page: Page) => page.locator('.kernel select');

test('a reload brings the project back with its undo steps, and a new tab opens the last project', async ({ site, context }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await expect(site.getByTestId('save-state')).toHaveAttribute('data-status', 'none');
  await kernel(site).selectOption('6.1');
  await kernel(site).selectOption('6.6');
  await keptIn(site);
  await site.reload();
  await expect(kernel(site)).toHaveValue('6.6');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByRole('button', { name: 'Undo: kernel 6.6' }).click();
  await expect(kernel(site)).toHaveValue('6.1');
  await site.getByRole('button', { name: 'Undo: kernel 6.1' }).click();
  await expect(kernel(site)).toHaveValue('6.18');
  await site.getByRole('button', { name: 'Redo: kernel 6.1' }).click();
  // Closed in the moment of the change: nothing is lost.
  await site.close();
  const next = await context.newPage();
  await next.goto(process.env.BPFORMER_SITE!);
  await expect(kernel(next)).toHaveValue('6.1');
  await expect(next.getByRole('button', { name: 'Redo: kernel 6.6' })).toBeEnabled();
  // A sample that nobody changed is not kept, and a reload opens it again.
  await sample(next, 'motion');
  await expect(next.getByRole('button', { name: 'Project motion' })).toBeVisible();
  await expect(next.getByTestId('save-state')).toHaveAttribute('data-status', 'none');
  await next.reload();
  await expect(next.getByRole('button', { name: 'Project motion' })).toBeVisible();
});

test('two tabs on one project: one writes, the other follows, takes over or goes on with a copy', async ({ site, context }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await kernel(site).selectOption('6.1');
  await keptIn(site);
  // A duplicated tab has the storage of its tab.
  const tab = await site.evaluate(() => sessionStorage.getItem('bpformer.project')!);
  const second = await context.newPage();
  await second.addInitScript((value) => sessionStorage.setItem('bpformer.project', value), tab);
  await second.goto(process.env.BPFORMER_SITE!);
  const notice = second.getByTestId('storage-notice');
  await expect(notice).toContainText('open in another tab');
  await expect(kernel(second)).toHaveValue('6.1');
  // No change goes through here, and those of the other tab come.
  await kernel(second).selectOption('6.6');
  await expect(kernel(second)).toHaveValue('6.1');
  await kernel(site).selectOption('6.12');
  await expect(kernel(second)).toHaveValue('6.12');
  await notice.getByRole('button', { name: 'Take over here' }).click();
  await expect(second.getByTestId('save-state')).toHaveAttribute('data-access', 'edit');
  await expect(site.getByTestId('storage-notice')).toContainText('taken this project over');
  await kernel(site).selectOption('5.15');
  await expect(kernel(site)).toHaveValue('6.12');
  await kernel(second).selectOption('6.6');
  await expect(kernel(site)).toHaveValue('6.6');
  // The copy is a project of its own.
  await site.getByTestId('storage-notice').getByRole('button', { name: 'Open as a copy' }).click();
  await expect(site.getByRole('button', { name: 'Project payload-ids copy' })).toBeVisible();
  await kernel(site).selectOption('5.15');
  await keptIn(site);
  await expect(kernel(second)).toHaveValue('6.6');
  await second.reload();
  await expect(kernel(second)).toHaveValue('6.6');
  await expect(second.getByTestId('storage-notice')).toHaveCount(0);
});
