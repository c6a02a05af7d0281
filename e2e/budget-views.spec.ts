import type { Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { expect, open, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

async function showPanel(page: Page, title: string): Promise<void> {
  await page.locator('.flexlayout__tab_button', { hasText: title }).first().click();
}

const LOOP = `.section xdp
r6 = 0
r0 = 7
next: r7 = r6
r7 *= 3
r0 += r7
r6 += 1
if r6 < 50 goto next
r0 &= 0xffff
exit
`;

test('the budget is walked by keys, and an operator that takes much is selected everywhere', async ({ site }) => {
  const budget = site.getByTestId('budget');
  await expect(budget.getByRole('treeitem').nth(3)).toBeVisible();
  await budget.getByRole('treeitem').first().focus();
  await site.keyboard.press('ArrowDown');
  await site.keyboard.press('ArrowRight');
  await site.keyboard.press('Enter');
  await expect(budget.locator('.budget-crumb')).toHaveCount(2);
  await expect(site.locator('.graph-op.selected').first()).toBeAttached();
  await noViolations(site, { parts: ['[data-panel=verifier]'] });
  await budget.getByRole('button', { name: 'Treemap' }).click();
  await expect(budget.getByRole('treeitem').first()).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=verifier]'] });
  await budget.getByRole('treeitem').first().focus();
  await site.keyboard.press('Backspace');
  await expect(budget.locator('.budget-crumb')).toHaveCount(1);
  await budget.getByRole('button', { name: 'Bars' }).click();
  await budget.getByRole('combobox', { name: 'Group by' }).selectOption('function');
  await expect(budget.locator('.budget-row').first()).toBeVisible();
  await expect(budget.getByTestId('budget-free')).toContainText('1,000,000');
});

test('an interval moves with its samples, and a loop of assembly is tried in other forms and applied', async ({ site }) => {
  await open(site, { name: 'loop.s', mimeType: 'text/plain', buffer: Buffer.from(LOOP) });
  // The desks stand behind the project's name, and move with it.
  await expect(site.getByRole('button', { name: 'Project loop.s' })).toBeVisible();
  await expect(site.getByTestId('processed')).toHaveAttribute('data-processed', '254');
  await site.getByRole('radio', { name: 'Debug' }).click();
  await showPanel(site, 'Program');
  await site.locator('[data-panel=program] .vrow', { hasText: 'r7 *= 3' }).click();
  await showPanel(site, 'Interval');
  const interval = site.locator('[data-panel=interval]');
  await expect(interval.getByTestId('interval')).toBeVisible();
  await interval.getByRole('textbox', { name: 'Smallest r7' }).fill('0');
  await site.keyboard.press('Enter');
  await interval.getByRole('textbox', { name: 'Largest r7' }).fill('0x10');
  await site.keyboard.press('Enter');
  await expect(interval.locator('[data-step="3"] .interval-known')).toHaveText('r7 0 … 48');
  await interval.getByRole('slider', { name: 'Largest r7' }).focus();
  await site.keyboard.press('ArrowRight');
  await expect(interval.locator('[data-step="3"] .interval-known')).not.toHaveText('r7 0 … 48');
  await noViolations(site, { parts: ['[data-panel=interval]'] });

  await showPanel(site, 'Loops');
  const loops = site.locator('[data-panel=loops]');
  await loops.getByRole('button', { name: 'What if it were another loop' }).click();
  await expect(loops.locator('[data-row=unrolled] [aria-label=accepted]')).toBeVisible();
  await expect(loops.locator('[data-row=bpf_loop] [aria-label=accepted]')).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=loops]'] });
  await loops.locator('[data-row=may_goto]').getByRole('button', { name: 'Apply' }).click();
  await showPanel(site, 'Program');
  await expect(site.locator('[data-panel=program] .vrow', { hasText: 'may_goto' }).first()).toBeVisible();
  await expect(site.locator('[data-testid=verdict][data-accepted=true]').first()).toBeVisible();
});
