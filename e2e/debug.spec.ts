import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { expect, open, samples, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });
test.use({ start: 'small program' });

const LOG = join(samples, 'rejected', 'count-flows.log');

/** The Debug desk with its first panel in front. */
async function debugDesk(page: Page): Promise<void> {
  await page.getByRole('radio', { name: 'Debug' }).click();
  await expect(page.locator('[data-desk=debug]')).toBeVisible();
  await page.getByRole('tab', { name: 'Start', exact: true }).click();
}

const logList = (page: Page) => page.locator('[data-panel=log]').getByRole('listbox', { name: 'Verifier log' });

test('a pasted log opens with the keyboard: its program, its verdict, and lines that lead to instructions and back', async ({ site }) => {
  await debugDesk(site);
  const field = site.getByRole('textbox', { name: 'Verifier log, assembly or C' });
  const recognised = site.getByTestId('recognised');
  await field.fill('Dear all, please find it attached.');
  await expect(recognised).toHaveAttribute('data-kind', 'unknown');
  await expect(recognised).toContainText('neither a verifier log nor assembly');
  await expect(site.locator('[data-panel=start]').getByRole('button', { name: /^Open/ })).toBeDisabled();
  await field.fill('r0 = 2\nr1 = nonsense here\nexit\n');
  await expect(recognised).toContainText('line 2');
  await field.fill(readFileSync(LOG, 'utf8'));
  await expect(recognised).toHaveAttribute('data-kind', 'log');
  await expect(recognised).toContainText('rejected at insn 31');
  await field.press('Control+Enter');

  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(site.locator('[data-panel=verifier]')).toContainText('What the log says');
  await expect(site.getByTestId('log-lines')).toHaveAttribute('data-lines', '218');
  const list = logList(site);
  await expect(list.locator('.vrow.selected')).toContainText('R6 max value is outside of the allowed memory range');
  await expect(site.getByTestId('log-state')).toContainText('map_value(map=sketches');
  const program = site.locator('[data-panel=program]');
  await expect(site.locator('.desk')).toContainText('52 instructions · 2 functions');
  await expect(site.locator('[data-panel-actions=program]').getByRole('button', { name: /Edit/ })).toBeDisabled();

  await expect(list).toContainText('18 lines of notes');

  // A line leads to its instruction, and an instruction to its nearest visit.
  await list.locator('.vrow', { hasText: '30: (0f) r6 += r0' }).last().click();
  await expect(program.locator('.vrow.selected')).toContainText('r6 += r0');
  await expect(site.locator('.log-visit')).toContainText('visit 2 of 2');
  await program.locator('[data-insn="25"]').click();
  await expect(list.locator('.vrow.selected')).toContainText('25: (85) call pc+19');

  // A search finds lines and goes from one to the next.
  await list.focus();
  await site.keyboard.press('f');
  await site.keyboard.type('outside');
  await expect(site.getByTestId('log-matches')).toHaveAttribute('data-count', '1');
  await site.keyboard.press('Enter');
  await expect(list.locator('.vrow.selected')).toContainText('outside of the allowed memory range');
  await site.getByRole('button', { name: 'Regular expression' }).click();
  await site.getByRole('textbox', { name: 'Find in the log' }).fill('(unclosed');
  await expect(site.locator('.log-search')).toContainText('✕');
  await site.getByRole('textbox', { name: 'Find in the log' }).fill('^from \\d+ to \\d+');
  await expect(site.getByTestId('log-matches')).toHaveAttribute('data-count', '3');
  await site.getByRole('button', { name: 'Only matches' }).click();
  await expect(list.locator('.vrow')).toHaveCount(3);
  await site.getByRole('button', { name: 'Only matches' }).click();
  await site.getByRole('textbox', { name: 'Find in the log' }).fill('');
});

test('the rejected sample: reasons, an edit that mends it, and the log at every level', async ({ site }) => {
  await debugDesk(site);
  await site.getByRole('button', { name: /^unchecked/ }).click();
  await expect(site.locator('[data-panel=verifier] .verdict')).toContainText('R5 offset is outside of the packet');
  await expect(site.getByTestId('why')).toContainText('35 bytes');
  const list = logList(site);
  await expect(list.locator('.vrow.failing, .vrow.selected')).toContainText('R5 offset is outside of the packet');
  await site.getByTestId('why').getByRole('button', { name: 'Apply' }).first().click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect(site.locator('[data-panel=log]')).toContainText('keeps no path at level 1');
  await site.getByRole('button', { name: 'Show every instruction' }).click();
  await expect(site.getByLabel('Log level')).toHaveValue('2');
  await expect(list).toContainText('func#0 @0');
  await site.getByLabel('Log level').selectOption('4');
  await expect(list).toContainText('stack depth');
});

test('a log that is cut shows what it holds, and gaps as gaps', async ({ site }) => {
  const text = '7: (b7) r0 = 2                        ; R0=2\n12: (05) goto pc+3\n16: (07) r0 += 1                      ; R0=3\n';
  await open(site, { name: 'cut.log', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await expect(site.locator('[data-desk=debug]')).toBeVisible();
  await expect(site.getByTestId('verdict')).toContainText('no verdict');
  await expect(site.locator('[data-panel=log]')).toContainText('ends before the verdict');
  await expect(site.locator('[data-panel=program]')).toContainText('7 instructions that the log does not show');
});

test('axe finds no violation on the Debug desk while something is pasted and searched', async ({ site }) => {
  await site.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await debugDesk(site);
  await site.getByRole('textbox', { name: 'Verifier log, assembly or C' }).fill('nothing of the kind');
  await expect(site.getByTestId('recognised')).toHaveAttribute('data-kind', 'unknown');
  await noViolations(site, { parts: ['.desk'] });
  await open(site, LOG);
  await expect(site.getByTestId('log-state')).toBeVisible();
  await site.getByRole('textbox', { name: 'Find in the log' }).fill('scalar');
  await expect(site.getByTestId('log-matches')).toHaveAttribute('data-status', 'done');
  await noViolations(site, { parts: ['.desk'] });
});
