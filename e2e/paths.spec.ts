import { noViolations } from './axe.ts';
import { expect, open, test } from './page.ts';

test.use({ start: 'small program' });

/** A branch whose sides meet again in the same state, and a loop with a way out. */
const PROGRAM = `.section xdp
.name paths
.license GPL
call bpf_get_prandom_u32
r6 = r0
r6 &= 255
r7 = 1
if r6 == 5 goto meet
r8 = 3
meet: r8 = 0
r9 = 0
again: r9 += r6
if r9 > 1000 goto out
*(u64 *)(r10 -8) = r9
r8 += 1
if r8 < 12 goto again
out: r0 = r7
exit
`;

test('the paths of a program: why one was pruned, the states on both sides, rounds side by side, a range to step along', async ({
  site,
}) => {
  await site.emulateMedia({ reducedMotion: 'reduce' });
  await open(site, { name: 'paths.s', mimeType: 'text/plain', buffer: Buffer.from(PROGRAM) });
  await site.getByRole('radio', { name: /Debug/ }).click();
  await expect(site.getByTestId('processed')).toHaveAttribute('data-processed', /^\d{2,3}$/);
  const processed = Number(await site.getByTestId('processed').getAttribute('data-processed'));
  await site.getByRole('tab', { name: 'Paths' }).click();
  await expect(site.getByTestId('paths-summary')).toContainText(`${processed} instructions processed`);

  // The pruned end says which state covers it, and leads there.
  const tree = site.getByRole('tree', { name: 'Tree of paths' });
  await tree.locator('.path-end.pruned').first().click();
  const why = site.getByTestId('why-pruned');
  await expect(why).toContainText('Pruned: a kept state covers this one');
  await expect(why.getByRole('row').filter({ hasText: '✕' })).toHaveCount(0);
  await site.locator('[data-panel=verifier]').getByRole('tab', { name: 'State at cursor' }).click();
  await expect(site.getByTestId('visit')).toContainText('path pruned here');
  await noViolations(site, { parts: ['[data-panel=paths]', '[data-panel=verifier]'] });
  await why.getByRole('button', { name: /^kept at step/ }).click();
  await expect(site.getByTestId('visit')).toContainText('visit 1 of');

  // The keyboard opens the loop and one of its rounds, and steps along the path.
  await tree.focus();
  await site.keyboard.press('Home');
  const loop = tree.getByRole('treeitem', { name: /^loop at/ });
  for (let i = 0; i < 8 && (await loop.getAttribute('aria-selected')) !== 'true'; i++) await site.keyboard.press('ArrowDown');
  await expect(loop).toHaveAttribute('aria-selected', 'true');
  await expect(site.getByTestId('visit')).toContainText('visit 1 of');
  const state = site.getByTestId('state');
  await expect(state).toContainText('r9 += r6');
  await state.getByRole('button', { name: 'After', exact: true }).click();
  await expect(state.locator('tr.changed')).toContainText(['r9']);
  await state.getByRole('button', { name: 'Bits and ranges of r6' }).click();
  await expect(state.getByRole('img', { name: 'Bits of r6: 8 of 64 unknown' })).toBeVisible();
  await state.getByRole('button', { name: 'Before', exact: true }).click();
  await state.getByRole('button', { name: 'The visit after' }).click();
  await expect(site.getByTestId('visit')).toContainText('visit 2 of');
  await state.getByRole('button', { name: 'One instruction forward on the path' }).click();
  await expect(state).toContainText('if r9 > ');

  // Rounds and range follow the same path.
  const paths = site.locator('[data-panel=paths]');
  await paths.getByRole('tab', { name: 'Rounds' }).click();
  await expect(paths.getByRole('row', { name: /^r8/ })).toContainText('1');
  await expect(paths.getByTestId('rounds-shown')).toContainText('of 1');
  await paths.getByRole('tab', { name: 'Range' }).click();
  const plot = site.getByTestId('range-plot');
  await paths.getByLabel('Register').selectOption({ label: 'r8' });
  await expect(site.getByTestId('range-value')).toContainText('r8=');
  const before = await plot.getAttribute('aria-valuenow');
  await plot.focus();
  await site.keyboard.press('ArrowRight');
  await expect(plot).toHaveAttribute('aria-valuenow', String(Number(before) + 1));
  await noViolations(site, { parts: ['[data-panel=paths]', '[data-panel=verifier]'] });
});
