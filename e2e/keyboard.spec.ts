import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { agreement, command, expect, FEW_PACKETS, replayed, samples, test } from './page.ts';

test.use({ start: 'small program' });

/** Answers the browser's own file dialog with files of the samples, in this order. */
function answerDialogs(page: Page, ...paths: (readonly string[])[]): void {
  page.on('filechooser', (chooser) => void chooser.setFiles(join(samples, ...paths.shift()!)));
}

test('from a model to a shared link and back with the keyboard alone', async ({ site, context }) => {
  answerDialogs(site, ['motion', 'model.onnx'], ['motion', 'trace.npy']);
  await expect(site.getByTestId('verdict')).toBeVisible();
  // No pointer from here on: a click would fail the test's purpose, so the page gives it nothing to hit.
  await site.addStyleTag({ content: 'body { pointer-events: none }' });

  // Open a model and its trace: the dimensions are asked for, and Enter takes what is suggested.
  await site.keyboard.press('Control+o');
  await expect(site.getByRole('dialog', { name: /^Dimensions of model\.onnx/ })).toBeVisible();
  await site.keyboard.press('Enter');
  await expect(site.getByRole('button', { name: 'Project model' })).toBeVisible();
  await expect(site.getByTestId('unmeasured')).toBeVisible();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await command(site, 'Open files');
  await replayed(site, 512);

  // The sample, because a link names samples and carries no files of one's own.
  await command(site, 'Open the sample payload-ids');
  await expect(site.getByRole('button', { name: 'Project payload-ids' })).toBeVisible();
  await replayed(site, FEW_PACKETS);

  // Walk the graph: instructions of what is selected are tinted.
  await command(site, 'Show Model');
  await site.keyboard.press('Home');
  await site.keyboard.press('ArrowDown');
  await expect(site.getByTestId('selected-insns')).toBeVisible();

  // Edit: the first function, a line that the verifier refuses, told while typing, applied, rejected.
  await command(site, 'Show Program');
  await site.keyboard.press('Home');
  await site.keyboard.press('e');
  const editor = site.getByTestId('editor');
  await expect(editor.locator('.view-lines')).toContainText('r6 = r1');
  await site.keyboard.press('Control+Home');
  await site.keyboard.press('Control+f');
  await site.keyboard.type('r6 = r1');
  await site.keyboard.press('Escape');
  await site.keyboard.press('End');
  await site.keyboard.type('\nr6 = *(u64 *)(r9 +0)');
  await expect(editor.getByRole('status')).toContainText('R9 !read_ok');
  await site.keyboard.press('Control+Enter');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(site.getByTestId('fork-changes')).toContainText('1 change');

  // Undo brings the compiled program back, and it is replayed.
  await command(site, 'Undo');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect(site.getByTestId('fork-changes')).toHaveCount(0);
  await command(site, 'Replay the trace');
  await replayed(site, FEW_PACKETS);
  expect(await agreement(site)).toBeGreaterThanOrEqual(0.995);

  // A change worth sharing, the link, and the project that it opens.
  await command(site, 'Kernel 6.12');
  await expect(site.locator('.kernel select')).toHaveValue('6.12');
  await command(site, 'Share the project');
  const dialog = site.getByRole('dialog');
  const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
  expect(link.length).toBeLessThan(8000);
  await site.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  const reopened = await context.newPage();
  await reopened.goto(link);
  await expect(reopened.locator('.kernel select')).toHaveValue('6.12');
  await expect(reopened.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
});
