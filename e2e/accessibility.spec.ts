import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, selectOp, test } from './page.ts';

const THEMES = [
  { name: 'light', colorScheme: 'light', contrast: 'no-preference' },
  { name: 'dark', colorScheme: 'dark', contrast: 'no-preference' },
  { name: 'light, more contrast', colorScheme: 'light', contrast: 'more' },
  { name: 'dark, more contrast', colorScheme: 'dark', contrast: 'more' },
] as const;

async function scan(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).analyze();
  expect(violations.map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target) }))).toEqual([]);
}

for (const { name, colorScheme, contrast } of THEMES) {
  test(`axe finds no violation on any desk in the ${name} theme`, async ({ site }) => {
    test.slow();
    await site.emulateMedia({ colorScheme, contrast, reducedMotion: 'reduce' });
    await expect(site.locator('html')).toHaveAttribute('data-theme', colorScheme);
    await expect(site.locator('html')).toHaveAttribute('data-contrast', contrast === 'more' ? 'more' : 'normal');
    await expect(site.getByTestId('verdict')).toBeVisible();
    await selectOp(site, 'Softmax');
    await site.getByRole('button', { name: 'Binding' }).click();
    await scan(site);
    await site.getByRole('button', { name: 'List', exact: true }).click();
    for (const desk of ['Debug', 'Replay', 'Learn']) {
      await site.getByRole('radio', { name: desk }).click();
      await expect(site.locator('.desk')).toHaveAttribute('data-desk', desk.toLowerCase());
      await scan(site);
    }
    await site.keyboard.press('?');
    await expect(site.getByRole('dialog', { name: 'Keys' })).toBeVisible();
    await scan(site);
    await site.keyboard.press('Escape');
    await site.keyboard.press('Control+k');
    await site.keyboard.type('verifier');
    await expect(site.getByRole('option', { name: 'Show Verifier' })).toBeVisible();
    await scan(site);
  });
}

test('the work can be done with the keyboard alone', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const focusIsOn = (name: RegExp) =>
    site.evaluate((source) => new RegExp(source).test(document.activeElement?.getAttribute('aria-label') ?? ''), name.source);
  const tabTo = async (name: RegExp) => {
    for (let presses = 0; presses < 60; presses++) {
      if (await focusIsOn(name)) return;
      await site.keyboard.press('Tab');
    }
    throw new Error(`Tab never reaches ${name}`);
  };
  await tabTo(/^Model graph/);
  await site.keyboard.press('Home');
  await site.keyboard.press('ArrowDown');
  await expect(site.locator('.graph-op.selected')).toHaveCount(1);
  await expect(site.getByTestId('selected-insns')).toBeVisible();
  await tabTo(/^Instructions$/);
  await site.keyboard.press('Home');
  await expect(site.locator('[data-panel=program] .vrow.selected')).toHaveCount(1);
  await tabTo(/^Packets$/);
  await site.keyboard.press('ArrowDown');
  await expect(site.locator('[data-packet="1"]')).toBeVisible();
  await expect(site.locator('[data-panel=trace] .vrow.selected')).toContainText('2');
});
