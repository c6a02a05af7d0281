import { agreement, expect, replayed, test } from './page.ts';

const PACKETS = 2000;

test('the sample on first open: shipped results at once, marked as such, then verdicts, verifier, replay and agreement of this tab', async ({
  page,
}) => {
  let letThrough: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  await page.route(/compile\.worker-.*\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(process.env.BPFORMER_SITE!);
  await expect(page.getByTestId('processed')).toHaveAttribute('data-processed', /^\d+$/);
  const shipped = await page.getByTestId('processed').getAttribute('data-processed');
  expect(Number(shipped)).toBeLessThan(1_000_000);
  await expect(page.locator('[data-panel=program] .listing-insn').first()).toBeVisible();
  const bar = page.getByRole('contentinfo');
  await expect(bar).toContainText('shipped results');

  letThrough();
  const firstScores = page.locator('[data-packet] [data-score]').filter({ hasText: /\d/ });
  await expect(firstScores.first()).toBeVisible();
  await expect(bar).toContainText('verified in');
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await replayed(page, PACKETS);
  // ONNX Runtime comes by itself once the page is left alone.
  expect(await agreement(page)).toBeGreaterThanOrEqual(0.995);
  await expect(page.getByTestId('shipped')).toHaveCount(0);
  expect(await page.getByTestId('processed').getAttribute('data-processed')).toBe(shipped);
  await expect(page.getByTestId('labels').getByRole('row')).toHaveCount(3);
  // A tenth of the events lie within 0.1 of the threshold, or the agreement would say little.
  const near = Number((await page.getByTestId('near').textContent())!.replaceAll(',', ''));
  expect(near).toBeGreaterThanOrEqual(PACKETS / 10);
  // Another replay gives the same verdicts.
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await expect(page.getByTestId('compare')).toHaveAttribute('data-complete', 'false');
  await replayed(page, PACKETS);
  expect(await agreement(page)).toBeGreaterThanOrEqual(0.995);
  // An older kernel gets a program of its own.
  await page.getByLabel('kernel').selectOption('6.1');
  await expect(page.locator('[data-panel=verifier]')).toContainText(/kernel 6\.1(?!\d)/);
  await expect(page.locator('[data-panel=verifier] .stale')).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo: kernel 6.1' }).click();
  await expect(page.locator('[data-panel=verifier]')).toContainText('kernel 6.18');
});
