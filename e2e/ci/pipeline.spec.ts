import { noViolations } from '../axe.ts';
import { expect, FEW_PACKETS, replayed, selectOp, test } from '../page.ts';

test('the compiler is stepped by keys and by dragging, one selection runs through its passes, and other options are tried and taken', async ({
  site,
}) => {
  await site.emulateMedia({ reducedMotion: 'reduce' });
  await replayed(site, FEW_PACKETS);
  await site.getByRole('tab', { name: 'Pipeline' }).click();
  const panel = site.locator('[data-panel=pipeline]');
  const pass = panel.getByRole('slider', { name: 'Pass' });
  await expect(pass).toHaveAttribute('aria-valuetext', /^1 of \d+: The graph as imported, 124 nodes/);

  await pass.focus();
  await site.keyboard.press('ArrowRight');
  await expect(panel.getByRole('option', { name: /^gone, Shape, .*the shape is known/ }).first()).toBeVisible();
  await site.keyboard.press('.');
  await expect(pass).toHaveAttribute('aria-valuetext', /^3 of \d+: Recognised/);
  await expect(panel.getByRole('option', { name: /^gone, MatMul, .*part of linear/ }).first()).toBeVisible();

  await selectOp(site, 'Softmax');
  await expect(panel.getByTestId('pass-row')).toContainText('Softmax_output_0');
  // Dragged to the pass that joins attention: the node is gone into another kernel.
  const middleOf = async (step: string) => {
    const box = (await pass.locator('.pipeline-step', { hasText: step }).boundingBox())!;
    return [box.x + box.width / 2, box.y + box.height / 2] as const;
  };
  await site.mouse.move(...(await middleOf('Recognise')));
  await site.mouse.down();
  await site.mouse.move(...(await middleOf('Attention')), { steps: 4 });
  await site.mouse.up();
  await expect(pass).toHaveAttribute('aria-valuetext', /Attention joined/);
  await expect(panel.getByTestId('pass-row')).toContainText('part of attention');

  await pass.focus();
  await site.keyboard.press('End');
  const code = panel.getByRole('listbox', { name: /^Code of ready/ });
  await expect(code).toBeVisible();
  await code.locator('.vrow.related', { hasText: 'r2 = r10' }).first().click();
  await expect(site.locator('[data-panel=program] .vrow.selected')).toContainText('r2 = r10');
  await panel.getByRole('button', { name: 'Pass before' }).click();
  await expect(panel.getByRole('listbox', { name: /^Code of ready/ }).locator('.vrow.selected')).toHaveCount(1);
  await site.keyboard.press(',');
  await expect(panel.getByRole('region', { name: 'Estimated cost by loop strategy' }).getByRole('row', { name: /^global/ })).toContainText(
    'chosen',
  );

  await panel.press('w');
  const tries = panel.getByTestId('what-if');
  await tries.getByLabel('Precision of').selectOption('');
  await tries.getByRole('combobox', { name: 'Precision', exact: true }).selectOption('w8a8');
  const figures = tries.getByRole('table', { name: 'What if' });
  await expect(tries.getByTestId('took')).toBeVisible();
  await expect(figures.getByRole('row', { name: /^Instructions/ })).toContainText(/\d,\d{3}\s*\d,\d{3}\s*[+−]/);
  await expect(figures.getByRole('row', { name: /^Engine time/ })).toContainText(/µs.*µs.*(µs|±0)/);
  await expect(figures.getByRole('row', { name: /^Max/ })).not.toContainText('–');

  await site.getByRole('combobox', { name: 'Overlay' }).selectOption('time');
  await expect(site.getByRole('figure', { name: 'Legend of heat: engine µs' })).toContainText('logarithmic');

  await site.locator('[data-panel-actions=pipeline]').getByLabel('Compared with').selectOption('try');
  await pass.focus();
  await site.keyboard.press('ArrowLeft');
  await expect(panel.getByRole('option', { name: /^changed, linear, .*w8a16 → w8a8/ }).first()).toBeVisible();
  await noViolations(site, { parts: ['[data-panel=pipeline]'] });

  await tries.getByRole('button', { name: 'Use these' }).click();
  await expect(tries.getByText('Change something to see what it costs.')).toBeVisible();
});
