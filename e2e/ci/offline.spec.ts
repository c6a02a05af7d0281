import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../../scripts/serve.mjs';
import { addressOf, agreement, choose, expect, keptIn, kernel, root, sample, test } from '../page.ts';

test.describe('without a network', () => {
  // The service worker fetches by itself.
  test.use({ serviceWorkers: 'allow', wholeCapture: true });

  test('the page starts, edits and compares offline once it was made available', async ({ page }) => {
    const { server, url } = await serve({ root: process.env.BPFORMER_DIST ?? join(root, 'dist'), base: '/sub/path/' });
    await page.goto(url);
    await expect(page.getByTestId('verdict')).toBeVisible();
    await kernel(page).selectOption('6.1');
    await keptIn(page);
    await agreement(page);
    await choose(page, /^Projects and files/);
    const row = page.getByTestId('offline');
    await expect(row).toHaveAttribute('data-kept', /core|whole/);
    const whole = row.getByRole('button', { name: 'Make available offline' });
    if (await whole.isVisible()) await whole.click();
    await expect(row).toHaveAttribute('data-kept', 'whole');
    // No server any more, which no cache of the browser's own can hide.
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await page.reload();
    await expect(kernel(page)).toHaveValue('6.1');
    await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
    await agreement(page);
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await expect(page.getByTestId('editor').locator('.view-lines')).toContainText('r6 = r1');
    await sample(page, 'motion');
    await expect(page.getByRole('button', { name: 'Project motion' })).toBeVisible();
  });

  test('a new version is said to be ready, and comes as a whole when the user reloads', async ({ page }, info) => {
    const dist = info.outputPath('site');
    cpSync(process.env.BPFORMER_DIST ?? join(root, 'dist'), dist, { recursive: true });
    const { server, url } = await serve({ root: dist, base: '/sub/path/' });
    const version = page.locator('meta[name=bpformer-version]');
    await page.goto(addressOf('small program', url));
    await expect(page.getByTestId('verdict')).toBeVisible();
    const old = (await version.getAttribute('content'))!;
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await kernel(page).selectOption('6.1');
    await keptIn(page);
    const next = 'f'.repeat(old.length);
    for (const name of ['index.html', 'sw.js']) {
      const path = join(dist, name);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(old, next));
    }
    await page.evaluate(async () => {
      await (await navigator.serviceWorker.getRegistration())!.update();
    });
    const notice = page.getByTestId('storage-notice');
    await expect(notice).toContainText('A new version of BPFormer is ready');
    await expect(version).toHaveAttribute('content', old);
    await notice.getByRole('button', { name: 'Reload' }).click();
    await expect(version).toHaveAttribute('content', next);
    await expect(kernel(page)).toHaveValue('6.1');
    await expect(notice).toHaveCount(0);
    server.closeAllConnections();
    server.close();
  });
});
