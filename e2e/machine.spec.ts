import type { Locator, Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { expect, FEW_PACKETS, open, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

/** The Debug desk with the program in front and the machine at the beginning of its run. */
async function machineOf(site: Page): Promise<Locator> {
  await site.getByRole('radio', { name: 'Debug' }).click();
  await site.locator('.flexlayout__tab_button', { hasText: 'Program' }).first().click();
  const machine = site.getByTestId('machine');
  await expect(machine).toHaveAttribute('data-status', 'paused');
  return machine;
}

const step = async (machine: Locator): Promise<number> => {
  await expect(machine).toHaveAttribute('data-status', 'paused');
  return Number(await machine.getAttribute('data-step'));
};

/** Runs a command by its key and gives the step where the machine stands then. */
async function press(site: Page, machine: Locator, key: string): Promise<number> {
  const before = await machine.getAttribute('data-step');
  await site.keyboard.press(key);
  await expect(machine).not.toHaveAttribute('data-step', before!);
  return step(machine);
}

const register = (machine: Locator, name: string): Locator =>
  machine.getByTestId('registers').locator('tbody tr', { has: machine.page().getByRole('rowheader', { name: new RegExp(`${name}$`) }) });

test('a breakpoint on a softmax, back across it, a condition, an edited register and map, and the profile of the run', async ({ site }) => {
  const machine = await machineOf(site);
  const reason = site.getByTestId('machine-reason');
  const tab = (name: string | RegExp) => machine.getByRole('tab', { name }).click();

  // A breakpoint at an operator stops where its code begins, and the listing follows.
  await tab('Breakpoints');
  const operators = machine.getByRole('combobox', { name: 'Operator' });
  const softmax = await operators.locator('option', { hasText: 'Softmax' }).first().getAttribute('value');
  await operators.selectOption(softmax);
  await machine.locator('form', { hasText: 'Operator' }).getByRole('button', { name: 'Add' }).click();
  const first = await press(site, machine, 'F5');
  await expect(reason).toContainText('Softmax');
  const program = site.locator('[data-panel=program]');
  await expect(program.locator('.vrow.selected .listing-mark')).toHaveText('▶');
  await expect(site.locator('[data-panel=program] .vrow.selected')).toContainText('= *(u64 *)(r10');

  // Registers stand beside what the verifier knows of them.
  await tab('Registers');
  await expect(site.getByTestId('knowledge')).toHaveAttribute('data-covers', 'true');
  const r1 = register(machine, 'r1');
  await expect(r1.locator('.ok')).toBeVisible();
  await machine.getByRole('button', { name: 'Bits' }).click();
  await expect(r1.locator('.machine-bits').first()).toContainText(/^([01]{8} ?){8}$/);

  // Where the softmax begins inside its kernel, the scores of two rows are made: integers, reals and the reference side by side.
  await tab('Tensors');
  const tensors = site.getByTestId('machine-tensors');
  const chosen = tensors.getByRole('combobox');
  const figures = site.getByTestId('tensor-error');
  await expect(chosen).toHaveValue(/MatMul_1_output/);
  await expect(figures).toContainText('of 96 elements');
  await expect(tensors.locator('.machine-element').nth(1)).not.toContainText('–');
  expect(await tensors.locator('option', { hasText: 'Softmax' }).count()).toBe(0);

  // Outside of it, the probabilities are, as exponentials with a scale for each row.
  const after = await press(site, machine, 'Shift+F11');
  await expect(chosen).toHaveValue(/Softmax_output/);
  await expect(figures).toContainText('sum of their row');
  await expect(figures).toContainText('of 96 elements');
  await expect(tensors.locator('.machine-element').nth(1)).not.toContainText('–');

  // Back across it, and the same again.
  await tab('Registers');
  expect(await press(site, machine, 'Shift+F10')).toBe(after - 1);
  await expect(machine.getByRole('toolbar', { name: 'Functions that are under way' })).toContainText('attend');
  expect(await press(site, machine, 'Shift+F5')).toBe(first);
  expect(await press(site, machine, 'F11')).toBe(first + 1);

  // A condition says where it is wrong, and then stops only where it holds.
  await tab(/^Breakpoints/);
  const condition = machine.getByRole('textbox', { name: /^Condition at/ });
  await condition.fill('r1 == 12 && r11');
  await expect(machine.getByTestId('breakpoints')).toContainText('at character 13');
  await condition.fill('r10 != 0 && hits > 2');
  expect(await press(site, machine, 'F5')).toBeGreaterThan(first + 1);
  await expect(reason).toContainText('Softmax');
  await tab('Registers');

  // A changed register takes away what came after it.
  const changed = await step(machine);
  await machine.getByRole('button', { name: 'Change r2' }).click();
  await machine.getByRole('textbox', { name: 'Change r2' }).fill('-5');
  await site.keyboard.press('Enter');
  await expect(register(machine, 'r2')).toContainText('-5');
  await expect(machine).toContainText('What came after this step is forgotten');
  expect(await step(machine)).toBe(changed);

  // So does a changed map; the run then goes on to its end with it.
  await tab('Maps');
  await machine.getByRole('combobox', { name: 'Map' }).selectOption('verdicts');
  const entry = machine.getByTestId('map-entries').locator('tbody tr').first();
  await entry.getByRole('button').click();
  await entry.getByRole('textbox').fill('2a 00 00 00 00 00 00 00');
  await site.keyboard.press('Enter');
  await expect(entry).toContainText('42');
  await site.keyboard.press('Shift+F5');
  await tab(/^Breakpoints/);
  await machine.getByRole('checkbox', { name: /^Stop at/ }).uncheck();
  await press(site, machine, 'F5');
  await expect(reason).toContainText('The program has ended. It returned');

  // The line of the run travels.
  const timeline = site.getByTestId('timeline');
  await timeline.focus();
  await site.keyboard.press('Home');
  await expect(machine).toHaveAttribute('data-step', '0');

  // The profile of the event, in the listing too.
  await site.locator('.flexlayout__tab_button', { hasText: 'Profile' }).first().click();
  await site.locator('[data-panel-actions=profile]').getByRole('button', { name: 'This event' }).click();
  const profile = site.getByTestId('profile');
  await expect(profile).toHaveAttribute('data-events', '1');
  expect(Number(await profile.getAttribute('data-executed'))).toBeGreaterThan(100_000);
  await expect(profile).toContainText('apportioned');
  await site.locator('[data-panel-actions=profile]').getByRole('button', { name: 'Whole trace' }).click();
  await expect(profile).toHaveAttribute('data-events', String(FEW_PACKETS));
  await expect(profile).toContainText('apportioned');
  await profile.getByRole('button', { name: /^Heat in the listing/ }).click();
  await expect(program.locator('.listing-heat').first()).toBeVisible();
  await profile.getByRole('tab', { name: 'Loops' }).click();
  await profile.getByRole('option').first().click();
  await profile.getByRole('tab', { name: 'Branches' }).click();
  expect(Number(await site.getByTestId('coverage').getAttribute('data-both'))).toBeGreaterThan(5);

  await noViolations(site, { parts: ['[data-panel=machine]', '[data-panel=profile]'] });
});

test('a program without a model: the gutter, a fault, an endless loop that can be stopped', async ({ site }) => {
  const wild = ['.section xdp', 'r2 = *(u32 *)(r1 +0)', 'r3 = 1', 'r0 = *(u8 *)(r2 +200)', 'exit'].join('\n');
  await open(site, { name: 'wild.s', mimeType: 'text/plain', buffer: Buffer.from(`${wild}\n`) });
  await expect(site.getByRole('button', { name: 'Project wild.s' })).toBeVisible();
  const machine = await machineOf(site);
  await expect(site.getByText('step 0 of 2', { exact: true })).toBeVisible();
  const program = site.locator('[data-panel=program]');
  await program.locator('[data-insn="1"] .listing-idx').click();
  await expect(program.locator('[data-insn="1"] .listing-mark')).toHaveText('●');
  await press(site, machine, 'F5');
  expect(await step(machine)).toBe(1);
  await press(site, machine, 'F5');
  await expect(site.getByTestId('machine-reason')).toContainText('Fault: read of 1 byte at packet+200');
  expect(await step(machine)).toBe(2);
  for (const name of ['Stack', 'Memory', 'Maps', 'Tensors', 'Output']) await machine.getByRole('tab', { name }).click();

  const endless = ['.section xdp', 'again: r0 += 1', 'goto again', 'exit'].join('\n');
  await open(site, { name: 'endless.s', mimeType: 'text/plain', buffer: Buffer.from(`${endless}\n`) });
  await expect(machine).toHaveAttribute('data-step', '0');
  await expect(machine).toContainText('The run has not ended yet');
  await site.keyboard.press('F5');
  await expect(machine).toHaveAttribute('data-status', 'running');
  await machine.getByRole('button', { name: 'Pause (F5)' }).click();
  await expect(machine).toHaveAttribute('data-status', 'paused');
  await expect(site.getByTestId('machine-reason')).toContainText('Stopped on request');
  expect(await press(site, machine, 'Shift+F10')).toBeGreaterThan(100_000);
});
