import type { Page } from '@playwright/test';
import { noViolations } from '../axe.ts';
import { expect, selectOp, test } from '../page.ts';

/**
 * Scans in both themes, and with more contrast too where `contrasts` says so. Themes change colours alone, so all rules but that of contrast need
 * one of them; of more contrast the whole page is enough, since `tokens.test.ts` holds all of its colours to 7:1.
 */
async function scanThemes(site: Page, parts: readonly string[], contrasts: readonly ('no-preference' | 'more')[]): Promise<void> {
  let rules: readonly string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const contrast of contrasts) {
      await site.emulateMedia({ colorScheme, contrast, reducedMotion: 'reduce' });
      await expect(site.locator('html')).toHaveAttribute('data-theme', colorScheme);
      await expect(site.locator('html')).toHaveAttribute('data-contrast', contrast === 'more' ? 'more' : 'normal');
      await noViolations(site, { parts, rules });
      rules = ['color-contrast'];
    }
  }
}

test('axe finds no violation on any desk in either theme, with more contrast too', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await selectOp(site, 'Softmax');
  await site.getByRole('button', { name: 'Binding' }).click();
  await scanThemes(site, [], ['no-preference', 'more']);
  await site.getByRole('button', { name: 'List', exact: true }).click();
  for (const [desk, panel] of [
    ['Debug', 'start'],
    ['Replay', 'tensors'],
    ['Learn', 'learn'],
  ] as const) {
    await site.getByRole('radio', { name: desk }).click();
    await expect(site.locator('.desk')).toHaveAttribute('data-desk', desk.toLowerCase());
    await expect(site.locator(`[data-panel=${panel}]`)).toBeVisible();
    await scanThemes(site, ['.desk'], ['no-preference']);
  }
  await site.keyboard.press('?');
  await expect(site.getByRole('dialog', { name: 'Keys' })).toBeVisible();
  await scanThemes(site, ['dialog[open]'], ['no-preference']);
  await site.keyboard.press('Escape');
  await site.keyboard.press('Control+k');
  await site.keyboard.type('verifier');
  await expect(site.getByRole('option', { name: 'Show Verifier' })).toBeVisible();
  await scanThemes(site, ['dialog[open]'], ['no-preference']);
  await site.keyboard.press('Escape');
  await site.getByRole('radio', { name: 'Explore' }).click();
});
