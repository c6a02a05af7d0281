import AxeBuilder from '@axe-core/playwright';
import { expect, selectOp, test } from './page.ts';

for (const scheme of ['light', 'dark'] as const) {
  test(`axe finds no violation in the ${scheme} theme`, async ({ site }) => {
    test.slow();
    await site.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await expect(site.locator('html')).toHaveAttribute('data-theme', scheme);
    await expect(site.getByTestId('verdict')).toBeVisible();
    await selectOp(site, 'Softmax');
    const scan = async () => {
      const { violations } = await new AxeBuilder({ page: site }).options({ resultTypes: ['violations'] }).analyze();
      expect(violations.map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target) }))).toEqual([]);
    };
    await site.getByRole('button', { name: 'Binding' }).click();
    await scan();
    await site.getByRole('button', { name: 'List', exact: true }).click();
    await site.getByRole('tab', { name: 'Log' }).click();
    await site.getByRole('button', { name: 'Help and keys' }).click();
    await expect(site.getByRole('dialog')).toBeVisible();
    await scan();
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
  await expect(site.locator('.graph-op[aria-selected=true]')).toHaveCount(1);
  await expect(site.getByTestId('selected-insns')).toBeVisible();
  await tabTo(/^Instructions$/);
  await site.keyboard.press('Home');
  await expect(site.locator('[data-panel=program] .vrow.selected')).toHaveCount(1);
  await tabTo(/^Packets$/);
  await site.keyboard.press('ArrowDown');
  await expect(site.locator('[data-packet="1"]')).toBeVisible();
  await expect(site.locator('[data-panel=trace] .vrow.selected')).toContainText('2');
});
