import { noViolations } from './axe.ts';
import { expect, selectOp, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

test('one selection runs from a byte to its token, row, tensors, instructions and states, and back through its history', async ({
  site,
}) => {
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByRole('tab', { name: 'Tensors' }).click();
  await expect(site.getByTestId('tensors')).toHaveAttribute('data-ready', 'true');
  const name = site.getByTestId('tensor-name');
  const related = site.locator('[data-panel=program] .vrow.related');

  // A byte: its token, the binding's code that reads it, the operator that it reaches.
  const tokens = site.locator('.bytes-grid td.token[data-cell^="hex"]');
  await tokens.nth(3).click();
  await expect(site.getByTestId('byte-line')).toContainText('tokens[3]');
  await expect(related.first()).toBeVisible();
  await expect(site.locator('.graph-op.related, .graph-op[class*=related]', { hasText: 'Gather' })).toHaveCount(1);

  // The row of the embedding that the token looks up: packets that hold the token, bytes that are the token.
  const byte = (await tokens.nth(3).textContent())!;
  await site.getByTestId('byte-line').getByRole('button', { name: /^row/ }).click();
  await expect(site.locator('.bytes-grid td.related[data-cell^="hex"]').first()).toHaveText(byte);
  await expect(site.getByTestId('selected-insns')).toContainText('shared by all rows');
  await expect(name).toContainText('Gather');

  // An operator: its tensor, program and reference; an element of it, what it depends on, and one step back along it.
  await selectOp(site, 'Softmax');
  await expect(name).toContainText('Softmax_output');
  await expect(site.getByTestId('tensor-error')).toBeVisible();
  expect(Number(await site.getByTestId('tensor-error').getAttribute('data-relative'))).toBeLessThan(0.01);
  const map = site.getByTestId('heat');
  await map.focus();
  await site.keyboard.press('ArrowRight');
  await site.keyboard.press('ArrowRight');
  await expect(site.getByTestId('element')).toContainText('[0, 0, 1]');
  await site.keyboard.press('d');
  await expect(site.getByRole('button', { name: 'Difference', exact: true })).toHaveAttribute('aria-pressed', 'true');
  await site.locator('.tensor-related').first().getByRole('button').first().click();
  await expect(name).toContainText('MatMul_1_output');
  await expect(site.getByTestId('element')).toContainText('[0, 0, 0]');

  // An instruction of a loop: the states of its visits.
  const listing = site.getByRole('tree', { name: 'Instructions', exact: true });
  await listing.focus();
  await site.keyboard.press('Home');
  await site.keyboard.press('ArrowDown');
  await site.keyboard.press('ArrowDown');
  await site.getByRole('tab', { name: 'State at cursor' }).click();
  await expect(site.getByTestId('state')).toContainText('r10');
  await expect(site.getByTestId('visit')).toContainText('visit');

  // Back through all of it, each with the cursor that its panel shows.
  await listing.focus();
  for (let step = 0; step < 12 && !/Softmax/.test((await name.textContent())!); step++) await site.keyboard.press('[');
  await expect(name).toContainText('Softmax_output');
  await expect(site.getByTestId('element')).toContainText('[0, 0, 1]');
  const rows = site.getByTestId('selected-insns').filter({ hasText: 'shared by all rows' });
  for (let step = 0; step < 12 && (await rows.count()) === 0; step++) await site.keyboard.press('[');
  await expect(site.locator('.bytes-grid td.related[data-cell^="hex"]').first()).toHaveText(byte);
  await site.keyboard.press(']');
  await expect(name).toContainText('Softmax_output');
});

test('the error of every operator colours the graph, and operators without a tensor say where they went', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByLabel('Overlay', { exact: true }).selectOption('error');
  await expect(site.locator('.graph-op', { hasText: 'Gather' }).first()).toContainText(/0\.0\d+/);
  await site.getByRole('tab', { name: 'Tensors' }).click();
  await expect(site.getByTestId('tensors')).toHaveAttribute('data-ready', 'true');
  const list = site.getByRole('listbox', { name: /^Operators in order/ });
  await list.focus();
  await site.keyboard.press('Home');
  await expect(site.getByTestId('tensor-name')).toContainText('Gather');
  // Folded operators say where they went.
  await list
    .getByRole('option', { name: /not in memory/ })
    .first()
    .click();
  await expect(site.getByTestId('folded')).toContainText('folded into the kernel that makes');
  await noViolations(site, { parts: ['[data-panel=tensors]', '[data-panel=trace]'] });
});
