import { noViolations } from './axe.ts';
import { expect, open, sample, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

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

test('axe finds no violation where a program is refused, a log is open, a file is wrong, code is edited or nothing is selected', async ({
  site,
}) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await open(site, { name: 'wrong.pcap', mimeType: 'application/octet-stream', buffer: Buffer.from('no capture at all') });
  await expect(site.getByTestId('notices')).toContainText('wrong.pcap');
  await noViolations(site, { parts: ['[data-testid=notices]'] });
  for (const view of ['Low-level IR', 'Control-flow graph']) {
    await site.getByRole('tab', { name: view }).click();
    await expect(site.locator('[data-panel=program]').getByText('Loading')).toHaveCount(0);
    await noViolations(site, { parts: ['[data-panel=program]'] });
  }
  await site.getByRole('tab', { name: 'Bytecode' }).click();
  await site.getByRole('button', { name: 'Edit', exact: true }).click();
  await expect(site.getByTestId('editor').locator('.view-line').first()).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=program]'] });
  await site.getByRole('radio', { name: 'Debug' }).click();
  await sample(site, 'unchecked');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(site.getByTestId('why')).toBeVisible();
  // What is dimmed until something newer comes has less contrast on purpose.
  await expect(site.locator('.stale')).toHaveCount(0);
  await noViolations(site, { parts: ['.desk'] });
  await sample(site, 'count-flows');
  await expect(site.locator('[data-panel=log]').getByRole('listbox')).toBeVisible();
  await expect(site.locator('.desk')).toContainText('52 instructions');
  await expect(site.locator('.stale')).toHaveCount(0);
  await noViolations(site, { parts: ['.desk'] });
});
