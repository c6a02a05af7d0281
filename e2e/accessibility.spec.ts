import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, open, sample, selectOp, test } from './page.ts';

const THEMES = ['light', 'dark'] as const;

/** Looks at the whole page, or at parts of it where only those have changed; for all rules, or for those that a theme can break. */
async function scan(page: Page, { parts = [], rules = [] }: { parts?: readonly string[]; rules?: readonly string[] } = {}): Promise<void> {
  const axe = new AxeBuilder({ page }).options({
    resultTypes: ['violations'],
    ...(rules.length > 0 ? { runOnly: { type: 'rule', values: [...rules] } } : {}),
  });
  for (const part of parts) axe.include(part);
  const { violations } = await axe.analyze();
  expect(violations.map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target) }))).toEqual([]);
}

for (const colorScheme of THEMES) {
  test(`axe finds no violation on any desk in the ${colorScheme} theme, with more contrast too`, async ({ site }) => {
    test.slow();
    const withContrast = async (contrast: 'more' | 'no-preference'): Promise<void> => {
      await site.emulateMedia({ colorScheme, contrast, reducedMotion: 'reduce' });
      await expect(site.locator('html')).toHaveAttribute('data-contrast', contrast === 'more' ? 'more' : 'normal');
    };
    /** More contrast changes colours alone. */
    const scanBoth = async (parts: readonly string[], rules: readonly string[]): Promise<void> => {
      await scan(site, { parts, rules });
      await withContrast('more');
      await scan(site, { parts, rules: ['color-contrast'] });
      await withContrast('no-preference');
    };
    await withContrast('no-preference');
    await expect(site.locator('html')).toHaveAttribute('data-theme', colorScheme);
    await expect(site.getByTestId('verdict')).toBeVisible();
    await selectOp(site, 'Softmax');
    // Roles and names are the same in every theme.
    const rules = colorScheme === 'light' ? [] : ['color-contrast'];
    await site.getByRole('button', { name: 'Binding' }).click();
    await scanBoth([], rules);
    await site.getByRole('button', { name: 'List', exact: true }).click();
    for (const [desk, panel] of [
      ['Debug', 'start'],
      ['Replay', 'tensors'],
      ['Learn', 'learn'],
    ] as const) {
      await site.getByRole('radio', { name: desk }).click();
      await expect(site.locator('.desk')).toHaveAttribute('data-desk', desk.toLowerCase());
      await expect(site.locator(`[data-panel=${panel}]`)).toBeVisible();
      await scanBoth(['.desk'], rules);
    }
    await site.keyboard.press('?');
    await expect(site.getByRole('dialog', { name: 'Keys' })).toBeVisible();
    await scan(site, { parts: ['dialog[open]'], rules });
    await site.keyboard.press('Escape');
    await site.keyboard.press('Control+k');
    await site.keyboard.type('verifier');
    await expect(site.getByRole('option', { name: 'Show Verifier' })).toBeVisible();
    await scan(site, { parts: ['dialog[open]'], rules });
  });
}

test('axe finds no violation where a program is refused, a log is open, a file is wrong, code is edited or nothing is selected', async ({
  site,
}) => {
  test.slow();
  await expect(site.getByTestId('verdict')).toBeVisible();
  await open(site, { name: 'wrong.pcap', mimeType: 'application/octet-stream', buffer: Buffer.from('no capture at all') });
  await expect(site.getByTestId('notices')).toContainText('wrong.pcap');
  await scan(site, { parts: ['[data-testid=notices]'] });
  for (const view of ['Low-level IR', 'Control-flow graph']) {
    await site.getByRole('tab', { name: view }).click();
    await expect(site.locator('[data-panel=program]').getByText('Loading')).toHaveCount(0);
    await scan(site, { parts: ['[data-panel=program]'] });
  }
  await site.getByRole('tab', { name: 'Bytecode' }).click();
  await site.getByRole('button', { name: 'Edit', exact: true }).click();
  await expect(site.getByTestId('editor').locator('.view-line').first()).toBeVisible();
  await scan(site, { parts: ['[data-panel=program]'] });
  await site.getByRole('radio', { name: 'Debug' }).click();
  await sample(site, 'unchecked');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(site.getByTestId('why')).toBeVisible();
  await scan(site, { parts: ['.desk'] });
  await sample(site, 'count-flows');
  await expect(site.locator('[data-panel=log]').getByRole('listbox')).toBeVisible();
  await scan(site, { parts: ['.desk'] });
});

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
