import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import type { Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { singleNodeModel } from './models.ts';
import { addressOf, choose, expect, keptIn, kernel, open, sample, test } from './page.ts';

// Most of this is about documents, whatever they hold.
test.use({ start: 'small program' });

test('a reload brings the project back with its undo steps, and a new tab opens the last project', async ({ site, context }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
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
  await sample(next, 'unchecked');
  await expect(next.getByRole('button', { name: 'Project unchecked' })).toBeVisible();
  await expect(next.getByTestId('save-state')).toHaveAttribute('data-status', 'none');
  await next.reload();
  await expect(next.getByRole('button', { name: 'Project unchecked' })).toBeVisible();
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
  await expect(site.getByRole('button', { name: 'Project pass.s copy' })).toBeVisible();
  await kernel(site).selectOption('5.15');
  await keptIn(site);
  await expect(kernel(second)).toHaveValue('6.6');
  await second.reload();
  await expect(kernel(second)).toHaveValue('6.6');
  await expect(second.getByTestId('storage-notice')).toHaveCount(0);
});

test('a tab that does not answer loses the project and says so; nothing of the other is overwritten', async ({ site, context }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await kernel(site).selectOption('6.1');
  await keptIn(site);
  const tab = await site.evaluate(() => sessionStorage.getItem('bpformer.project')!);
  const second = await context.newPage();
  await second.addInitScript((value) => sessionStorage.setItem('bpformer.project', value), tab);
  await second.goto(process.env.BPFORMER_SITE!);
  const notice = second.getByTestId('storage-notice');
  await expect(notice).toContainText('open in another tab');
  // The first tab stands still, as one in the background may.
  const cdp = await context.newCDPSession(site);
  await cdp.send('Debugger.enable');
  const paused = new Promise((resolve) => cdp.once('Debugger.paused', resolve));
  await cdp.send('Debugger.pause');
  void site.evaluate(() => 0);
  await paused;
  await notice.getByRole('button', { name: 'Take over here' }).click();
  await expect(second.getByTestId('save-state')).toHaveAttribute('data-access', 'edit');
  await kernel(second).selectOption('6.12');
  await keptIn(second);
  await cdp.send('Debugger.resume');
  await expect(site.getByTestId('storage-notice')).toContainText('taken this project over');
  await kernel(site).selectOption('5.15');
  await expect(kernel(site)).toHaveValue('6.12');
  await second.reload();
  await expect(kernel(second)).toHaveValue('6.12');
});

test('where the browser stores nothing the page works, and says what that means', async ({ page }) => {
  await page.addInitScript(() => {
    for (const name of ['indexedDB', 'localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      });
    }
  });
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('verdict')).toBeVisible();
  await kernel(page).selectOption('6.1');
  await expect(page.getByTestId('storage-notice')).toContainText(
    /keeps nothing for this page \(denied\), so projects last until the tab is closed/,
  );
  await page.getByRole('button', { name: 'Undo: kernel 6.1' }).click();
  await expect(kernel(page)).toHaveValue('6.18');
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
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('storage-notice')).toContainText(/The compiler worker stopped unexpectedly .* again in a new one/);
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await page.getByTestId('storage-notice').getByRole('button', { name: 'Dismiss this message' }).click();
  await expect(page.getByTestId('storage-notice')).toHaveCount(0);
  // One that ends while nothing is asked of it is replaced as well, once it has answered.
  await kernel(page).selectOption('6.12');
  await expect(page.locator('[data-panel=verifier]')).toContainText('kernel 6.12');
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  const worker = page.workers().findLast((each) => each.url().includes('compile.worker'))!;
  await worker.evaluate(() => self.close());
  await expect(page.getByTestId('storage-notice')).toContainText('The compiler worker stopped unexpectedly');
  await kernel(page).selectOption('6.1');
  await expect(page.locator('[data-panel=verifier]')).toContainText(/kernel 6\.1(?!\d)/);
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
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
  // A worker may be starting again just now.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('several projects: opened, renamed, duplicated, deleted; a file of its own comes back from the list and from a project file', async ({
  site,
}) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await kernel(site).selectOption('6.1');
  await keptIn(site);
  // A program of the user's own begins a project, and the one before it stays.
  const text = '.section xdp\n.license GPL\nr0 = 1\nexit\n';
  await open(site, { name: 'drop.s', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await expect(site.getByRole('button', { name: 'Project drop.s' })).toBeVisible();
  await keptIn(site);
  await choose(site, /^Rename/);
  await site.getByRole('textbox', { name: 'Name' }).fill('my program');
  await site.keyboard.press('Enter');
  await expect(site.getByRole('button', { name: 'Project my program' })).toBeVisible();
  await site.getByRole('button', { name: 'Undo: rename to my program' }).click();
  await expect(site.getByRole('button', { name: 'Project drop.s' })).toBeVisible();
  const [download] = await Promise.all([site.waitForEvent('download'), choose(site, /^Export as a file/)]);
  expect(download.suggestedFilename()).toBe('drop.s.bpformer');
  const file = readFileSync(await download.path());

  await choose(site, /^Projects and files/);
  const dialog = site.getByRole('dialog', { name: 'Projects and files' });
  const projects = dialog.getByRole('region', { name: 'Projects' });
  await expect(projects.getByRole('listitem')).toHaveCount(2);
  await expect(dialog.getByRole('region', { name: 'Recent files' })).toContainText('drop.s');
  await projects.getByRole('button', { name: 'Duplicate pass.s' }).click();
  await expect(projects.getByRole('listitem')).toHaveCount(3);
  await projects.getByRole('button', { name: 'Rename pass.s copy' }).click();
  await site.keyboard.type('second');
  await site.keyboard.press('Enter');
  await expect(projects).toContainText('second');
  await dialog.getByRole('searchbox').fill('secon');
  await expect(projects.getByRole('listitem')).toHaveCount(1);
  await projects.getByRole('button', { name: 'Delete second' }).click();
  await projects.getByRole('button', { name: 'Delete', exact: true }).click();
  await dialog.getByRole('searchbox').fill('');
  await expect(projects.getByRole('listitem')).toHaveCount(2);
  await expect(projects.getByRole('button', { name: /drop\.s is open and cannot be deleted/ })).toBeDisabled();
  await noViolations(site, { parts: ['dialog'] });
  await projects.getByRole('button', { name: /^pass.s/ }).click();
  await expect(kernel(site)).toHaveValue('6.1');
  await expect(site.getByRole('button', { name: 'Undo: kernel 6.1' })).toBeEnabled();

  // The file opens as a project of its own, with what it names.
  await open(site, { name: 'again.bpformer', mimeType: 'application/zip', buffer: file });
  await expect(site.getByRole('button', { name: 'Project drop.s' })).toBeVisible();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await open(site, { name: 'cut.bpformer', mimeType: 'application/zip', buffer: file.subarray(0, file.length / 2) });
  await expect(site.getByTestId('notices')).toContainText('cut.bpformer');
  await expect(site.getByTestId('notices')).not.toContainText('unexpectedly');
});

test('a damaged record is set aside and told of, and the page starts', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await kernel(site).selectOption('6.1');
  await keptIn(site);
  await site.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.open('bpformer');
        request.onerror = () => reject(request.error!);
        request.onsuccess = () => {
          const tx = request.result.transaction('histories', 'readwrite');
          const store = tx.objectStore('histories');
          const all = store.getAll();
          all.onsuccess = () => {
            for (const record of all.result as { history: { doc: { options: { kernel: string } } } }[]) {
              record.history.doc.options.kernel = '<img src=x>';
              store.put(record);
            }
          };
          tx.oncomplete = () => {
            request.result.close();
            resolve();
          };
        };
      }),
  );
  await site.reload();
  await expect(site.getByTestId('storage-notice')).toContainText(
    /The record of pass\.s in this browser cannot be used: .*\/doc\/options\/kernel/,
  );
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await choose(site, /^Projects and files/);
  await expect(site.getByRole('region', { name: /^Set aside/ })).toContainText('/doc/options/kernel');
});

/** The link that the Share dialog makes of the open project. */
async function sharedLink(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
  await page.getByRole('button', { name: 'Close' }).click();
  return link;
}

test.describe('of the sample', () => {
  test.use({ start: 'sample' });

  test('storage without room: said with figures, nothing lost, saved once there is room', async ({ site }) => {
    await expect(site.getByTestId('verdict')).toBeVisible();
    const cdp = await site.context().newCDPSession(site);
    const { origin } = new URL(site.url());
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
    await kernel(site).selectOption('6.1');
    const notice = site.getByTestId('storage-notice');
    await expect(notice).toContainText(/The last changes of payload-ids are not kept: the browser has no room/);
    await expect(site.getByTestId('save-state')).toHaveAttribute('data-status', 'full');
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    await kernel(site).selectOption('6.6');
    await keptIn(site);
    await expect(notice).toHaveCount(0);
    await site.reload();
    await expect(kernel(site)).toHaveValue('6.6');
  });

  test('a link carries the changes to a sample, opens as a project of its own, and is refused when it is broken', async ({
    site,
    context,
  }) => {
    await expect(site.getByTestId('verdict')).toBeVisible();
    await kernel(site).selectOption('6.1');
    await expect(site.locator('[data-panel=verifier]')).toContainText(/kernel 6\.1(?!\d)/);
    await expect(site.locator('[data-panel=verifier] .stale')).toHaveCount(0);
    const row = site.locator('[data-packet="3"]');
    await expect(row.locator('[data-score]')).toHaveText(/\d/);
    await row.click();
    await site.locator('.bytes-grid td.token[data-cell^="hex"]').nth(3).click();
    await site.keyboard.type('ff');
    // An instruction of the program is changed too: the link carries the line.
    await site.getByRole('button', { name: 'Edit', exact: true }).click();
    const editor = site.getByTestId('editor');
    await expect(editor.locator('.view-lines')).toContainText('r6 = r1');
    await editor.locator('.view-line', { hasText: 'r6 = r1' }).first().click();
    await site.keyboard.press('End');
    await site.keyboard.type('\nr9 = 7');
    await site.getByRole('button', { name: 'Apply' }).click();
    await expect(site.getByTestId('fork-changes')).toContainText('1 change');
    await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
    await site.getByRole('button', { name: 'Share', exact: true }).click();
    const carries = site.getByTestId('share-carries');
    await expect(carries).toContainText('kernel 6.1');
    await expect(carries).toContainText('1 changed packet byte');
    await expect(carries).toContainText('1 change of the program, as lines');
    await noViolations(site, { parts: ['dialog'] });
    expect(Number(await carries.getAttribute('data-length'))).toBeLessThan(1000);
    await site.getByRole('button', { name: 'Close' }).click();
    const link = await sharedLink(site);
    await keptIn(site);

    const other = await context.newPage();
    await other.goto(link);
    await expect(kernel(other)).toHaveValue('6.1');
    await expect(other.getByTestId('fork-changes')).toContainText('1 change');
    await expect(other.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
    // A project of its own: the one that was shared does not change with it.
    await expect(other.getByTestId('storage-notice')).toHaveCount(0);
    await kernel(other).selectOption('6.12');
    await keptIn(other);
    await expect(kernel(site)).toHaveValue('6.1');

    // Cut, as chats do it: the tab's own project comes back.
    await other.goto(link.slice(0, -20));
    await other.reload();
    await expect(other.getByTestId('notices')).toContainText('the link: it is not whole');
    await expect(kernel(other)).toHaveValue('6.12');
    // A sample that this build does not have.
    const payload = { v: 1, base: { kind: 'sample', sample: { id: 'payload-ids', hash: 'ab'.repeat(32) } }, set: {} };
    const foreign = `${process.env.BPFORMER_SITE!}#p=${deflateRawSync(JSON.stringify(payload)).toString('base64url')}`;
    await other.goto(foreign);
    await expect(other.getByTestId('notices')).toContainText(
      'another build of BPFormer, whose sample payload-ids is not the one of this page',
    );
  });
});

test('a link names a model of the user by its hash, and carries a small program', async ({ site, context }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await open(site, { name: 'relu.onnx', mimeType: 'application/octet-stream', buffer: singleNodeModel('Relu', 'relu_0') });
  await expect(site.getByRole('button', { name: 'Project relu' })).toBeVisible();
  await keptIn(site);
  await site.getByRole('button', { name: 'Share', exact: true }).click();
  await expect(site.getByRole('dialog')).toContainText('It carries no files of yours');
  await expect(site.getByTestId('needed-files')).toContainText('relu.onnx');
  await expect(site.getByRole('button', { name: 'Export as a file' })).toBeVisible();
  await site.getByRole('button', { name: 'Close' }).click();
  const text = '.section xdp\n.license GPL\nr0 = 2\nexit\n';
  await open(site, { name: 'pass.s', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await expect(site.getByRole('button', { name: 'Project pass.s' })).toBeVisible();
  const link = await sharedLink(site);
  const other = await context.newPage();
  await other.goto(link);
  await expect(other.getByRole('button', { name: 'Project pass.s' })).toBeVisible();
  await expect(other.locator('[data-panel=program]')).toContainText('r0 = 2');
});
