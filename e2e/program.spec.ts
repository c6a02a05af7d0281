import { writeFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { syntheticProgram } from '../bench/listing/program.ts';
import { writeObject } from '../src/object/writer.ts';
import { expect, open, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

const listing = (page: Page): Locator => page.getByRole('tree', { name: 'Instructions', exact: true });

/** Goes to an instruction by its index, as the keyboard does it. */
async function goTo(page: Page, insn: number): Promise<void> {
  await listing(page).focus();
  await page.keyboard.press('g');
  await page.keyboard.type(String(insn));
  await expect(page.getByTestId('find-count')).toHaveAttribute('data-done', 'true');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
}

test('the listing folds, follows jumps, finds, and tells what an instruction serves', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  const tree = listing(site);
  await tree.focus();
  await site.keyboard.press('Home');
  const head = tree.getByRole('treeitem', { name: /payload_ids/ });
  await expect(head).toHaveAttribute('aria-expanded', 'true');
  await site.keyboard.press('ArrowLeft');
  await expect(head).toHaveAttribute('aria-expanded', 'false');
  await expect(tree.locator('[data-insn="5"]')).toHaveCount(0);
  await site.keyboard.press('ArrowRight');
  await expect(tree.locator('[data-insn="5"]')).toHaveCount(1);

  await goTo(site, 9);
  await expect(tree.locator('.selected [data-insn="9"]')).toContainText('goto');
  await expect(tree.locator('.jump.strong')).not.toHaveCount(0);
  await site.keyboard.press('j');
  await expect(tree.locator('.selected [data-insn="21"]')).toHaveCount(1);
  await site.keyboard.press('b');
  await expect(tree.locator('.selected [data-insn="9"]')).toHaveCount(1);

  await site.keyboard.press('f');
  await site.keyboard.type('map[verdicts]');
  await expect(site.getByTestId('find-count')).toHaveAttribute('data-done', 'true');
  await site.keyboard.press('Enter');
  await expect(tree.locator('.selected mark').first()).toBeVisible();
  await site.keyboard.press('Escape');
  await tree.focus();
  await site.keyboard.press('h');
  await expect(tree.locator('.listing-heat').first()).toBeVisible();
});

test('IR and control flow are linked with the instructions both ways', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await goTo(site, 9);
  await site.keyboard.press('i');
  const ir = site.getByRole('listbox', { name: 'IR operations' });
  await expect(ir.locator('.related')).toContainText('if v');
  await ir.locator('.related').click();
  await expect(site.getByTestId('ir-foot')).toContainText('1 instruction: 9');
  await ir.focus();
  await site.keyboard.press('Enter');
  await expect(site.getByTestId('ir-foot')).toContainText('instruction 9 comes from operation');

  await site.keyboard.press('c');
  const graph = site.getByRole('listbox', { name: /^Control flow of payload_ids/ });
  const block = graph.getByRole('option', { selected: true });
  await expect(block).toHaveAttribute('aria-label', /^block 0 to 9, 10 instructions, if taken to 21, if not taken to 10/);
  await graph.focus();
  await site.keyboard.press('ArrowDown');
  await expect(block).not.toHaveAttribute('aria-label', /^block 0 /);
});

test('an edit is verified while it is typed, applied to its function, and taken back alone', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByRole('tab', { name: 'Bytecode' }).click();
  await goTo(site, 5);
  await site.keyboard.press('e');
  const editor = site.getByTestId('editor');
  const status = editor.getByTestId('edit-status');
  await expect(status).toContainText('✓ accepted');
  await editor.locator('.view-line', { hasText: 'r6 = r1' }).first().click();
  await site.keyboard.press('End');
  await site.keyboard.type('\nr0 = r9');
  await expect(status).toContainText('✕ insn 1 · R9 !read_ok');
  await site.keyboard.press('Escape');
  await expect(site.getByRole('alertdialog')).toContainText('Leave without applying');
  await site.getByRole('button', { name: 'Keep editing' }).click();
  for (const _ of 'r9') await site.keyboard.press('Backspace');
  await site.keyboard.type('7');
  await expect(status).toContainText('✓ accepted');
  await site.keyboard.press('Control+Enter');
  await expect(site.getByTestId('fork-changes')).toContainText('1 change');
  await expect(listing(site).locator('.selected .listing-change')).toHaveText('+');
  await site.getByRole('button', { name: 'Diff', exact: true }).click();
  await expect(site.locator('.diff-added')).toContainText('r0 = 7');
  await site.getByRole('button', { name: /^Discard the change of payload_ids/ }).click();
  await expect(site.getByTestId('fork-changes')).toHaveCount(0);
});

test('an object of a million instructions opens, scrolls to its end and says what the kernel says', async ({ site }, info) => {
  const file = info.outputPath('million.o');
  writeFileSync(file, writeObject(syntheticProgram(1_000_000)));
  await open(site, file);
  const tree = listing(site);
  await expect(tree.locator('[data-insn="0"]')).toContainText('r1 = 1');
  await tree.focus();
  await site.keyboard.press('End');
  await expect(tree.locator('.selected [data-insn="999999"]')).toContainText('exit');
  expect(await tree.locator('.vrow').count()).toBeLessThan(120);
  await site.keyboard.press('PageUp');
  await expect(tree.locator('.selected [data-insn="999999"]')).toHaveCount(0);
  await expect(site.locator('[data-panel=verifier] .verdict')).toContainText('The sequence of 8193 jumps is too complex');
  await site.getByRole('tab', { name: 'Low-level IR' }).click();
  await expect(site.locator('[data-panel=program]')).toContainText('Only a program that is compiled here has an IR');
});
