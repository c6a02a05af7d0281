import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noViolations } from './axe.ts';
import { expect, sample, samples, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });
test.use({ start: 'small program' });

const PANEL = { parts: ['[data-panel=verifier]'] };

test('a rejection is walked through step by step, mended, and the edit taken back', async ({ site }) => {
  await site.getByRole('radio', { name: 'Debug' }).click();
  await sample(site, 'unchecked');
  const why = site.getByTestId('why');
  const fixes = why.getByTestId('why-fix');
  await expect(fixes.first()).toBeVisible();
  await expect(why).toContainText('Packet bytes are read without proof that they exist');
  await expect(why).toContainText('Why the rule exists');

  // The keys of the panel walk from step to step; program and log follow.
  const steps = why.locator('.why-step');
  const count = await steps.count();
  expect(count).toBeGreaterThan(3);
  await steps.first().click();
  await expect(site.getByTestId('why-step')).toHaveText(`step 1 of ${count}`);
  const program = site.locator('[data-panel=program]');
  for (let at = 1; at < count; at++) {
    await site.keyboard.press('n');
    await expect(steps.nth(at)).toHaveAttribute('aria-current', 'step');
    await expect(steps.nth(at)).toBeFocused();
    const insn = await steps.nth(at).locator('.why-place').textContent();
    await expect(program.locator(`.vrow:is(.selected, .related) [data-insn="${insn}"]`)).toBeVisible();
  }
  await expect(steps.last()).toContainText('refused');
  await expect(why.getByRole('button', { name: 'Next step' })).toBeDisabled();
  await expect(why.locator('.why-detail')).toContainText('Registers before it');
  await site.keyboard.press('p');
  await expect(steps.nth(count - 2)).toHaveAttribute('aria-current', 'step');
  await noViolations(site, PANEL);

  // An edit shows what it changes, and that it was verified.
  await expect(fixes.first()).toContainText('processed');
  await expect(fixes.first().locator('tr.added').first()).toBeVisible();
  await fixes
    .first()
    .getByRole('button', { name: /^Apply/ })
    .click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  const applied = site.getByTestId('applied-edit');
  await expect(applied).toContainText('Edit applied');
  await noViolations(site, PANEL);
  await applied.getByRole('button', { name: 'Undo' }).click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(applied).toHaveCount(0);
});

test('a pasted log tells its story by its lines, with the rule behind its message', async ({ site }) => {
  await site.getByRole('tab', { name: 'Start', exact: true }).click();
  const field = site.getByRole('textbox', { name: 'Verifier log, assembly or C' });
  await field.fill(readFileSync(join(samples, 'rejected', 'count-flows.log'), 'utf8'));
  await field.press('Control+Enter');
  const why = site.getByTestId('log-why');
  await expect(why).toContainText('An offset is not bounded by the size of the memory');
  await expect(why).toContainText('What to change');
  const steps = why.getByRole('list', { name: 'Steps of the story' }).locator('.why-step');
  await steps.first().click();
  await expect(steps.first()).toContainText('call bpf_map_lookup_elem#1');
  await site.keyboard.press('n');
  await expect(steps.nth(1)).toHaveAttribute('aria-current', 'step');
  await expect(why.locator('.why-detail')).toContainText('map_value(map=sketches');
  await expect(site.locator('[data-panel=log] .vrow.selected')).toContainText('r6 = r0');
  await expect(site.locator('[data-panel=program] .vrow.selected')).toContainText('r6 = r0');
  await noViolations(site, PANEL);
});
