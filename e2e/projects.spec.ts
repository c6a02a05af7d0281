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

/** Serves compile workers that end themselves when they are asked for `method`: the first `times` of them. */
async function killWorkers(page: Page, method: string, times: number): Promise<void> {
  let served = 0;
  await page.route(/compile\.worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    const body = await response.text();
    const deadly = `self.addEventListener('message', (event) => {
      if (event.data.method !== '${method}') return;
      event.stopImmediatePropagation();
      self.close();
    });`;
    const headers = { ...response.headers(), 'cache-control': 'no-store' };
    await route.fulfill({ response, headers, body: served++ < times ? deadly + body : body });
  });
}

test('a worker that dies is replaced, its tasks go on, and the page says so', async ({ page }) => {
  await killWorkers(page, 'verify', 1);
  await page.goto(process.env.BPFORMER_SITE!);
  await expect(page.getByTestId('storage-notice')).toContainText(/The compiler worker stopped unexpectedly .* again in a new one/);
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await page.getByTestId('storage-notice').getByRole('button', { name: 'Dismiss this message' }).click();
  await expect(page.getByTestId('storage-notice')).toHaveCount(0);
  // One that ends while nothing is asked of it is replaced as well.
  const worker = page.workers().findLast((each) => each.url().includes('compile.worker'))!;
  await worker.evaluate(() => self.close());
  await expect(page.getByTestId('storage-notice')).toContainText('The compiler worker stopped unexpectedly');
  await kernel(page).selectOption('6.1');
  await expect(page.locator('[data-panel=verifier]')).toContainText(/kernel 6\.1(?!\d)/);
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
});

test('a task that kills every worker is given up with a message, and the rest works', async ({ page }) => {
  await killWorkers(page, 'verify', 1000);
  await page.goto(process.env.BPFORMER_SITE!);
  await expect(page.locator('[data-panel=verifier]').getByTestId('error-note')).toContainText(
    /stopped each of the 3 times that it was asked for this/,
  );
  await expect(page.locator('.graph-op').first()).toBeVisible();
  await expect(page.locator('[data-panel=program] .listing-insn').first()).toBeVisible();
  await kernel(page).selectOption('6.1');
  await expect(page.getByTestId('save-state')).toHaveAttribute('data-status', 'saved');
});
