import type { Page } from '@playwright/test';
import { noViolations } from '../axe.ts';
import { expect, FEW_PACKETS, replayed, selectOp, test } from '../page.ts';

/** Opens the link of what is on show in a fresh page; gives what the link says that it carries. */
async function reopened(site: Page): Promise<string | null> {
  await site.getByRole('button', { name: 'Share', exact: true }).click();
  const carries = await site.getByTestId('share-carries').textContent();
  const link = await site.getByRole('textbox', { name: 'Link' }).inputValue();
  await site.goto('about:blank');
  await site.goto(link);
  return carries;
}

test('a weight, a byte, the bits and the run are touched by the keyboard, and each state is a link', async ({ site }) => {
  await site.emulateMedia({ reducedMotion: 'reduce' });
  await replayed(site, FEW_PACKETS);

  // A byte: arrow keys move it, and token, attention, outputs and verdict stand beside what they were.
  const pad = site.getByTestId('byte-pad');
  const byte = site.getByTestId('byte-touch');
  const captured = Number(await pad.getAttribute('aria-valuenow'));
  await pad.focus();
  for (let i = 0; i < 3; i++) await site.keyboard.press('ArrowUp');
  await expect(pad).toHaveAttribute('aria-valuenow', String(captured + 3));
  await expect(site.getByTestId('byte-token')).toHaveText(`token ${captured} → ${captured + 3}`);
  await expect(byte.getByTestId('outcomes')).toHaveAttribute('data-stale', 'false');
  await expect(byte.locator('.touch-map')).toHaveCount(2);
  await expect(byte.locator('.touch-table .touch-changed').first()).toBeVisible();
  await site.keyboard.press('Enter');
  await expect(site.getByTestId('bytes').getByRole('button', { name: 'Revert' })).toBeVisible();

  // A weight: chosen in its map by the keyboard, typed, and seen in the logits; the mark says that the file has others.
  await selectOp(site, 'Gemm');
  const map = site.getByRole('grid', { name: /weight/ }).first();
  await map.focus();
  await site.keyboard.press('Enter');
  const weight = site.getByTestId('weight-touch');
  const value = weight.getByTestId('weight-value');
  await expect(value).toBeVisible();
  await value.fill('2.5');
  await expect(weight.locator('.touch-changed').first()).toBeVisible();
  await value.press('Enter');
  await expect(weight.getByTestId('weights-differ')).toHaveText('▲ 1 weight differs from the file');
  // The field keeps the focus while the model is compiled again; what is dimmed until then is not looked at.
  await replayed(site, FEW_PACKETS);
  await expect(weight.getByTestId('outcomes')).toHaveAttribute('data-stale', 'false');
  await expect(value).toBeFocused();
  await noViolations(site);
  await site.keyboard.press('Escape');

  // Bits: a stop is measured when the slider comes there.
  await site.getByRole('tab', { name: 'Numbers' }).click();
  const bits = site.getByTestId('bits');
  await bits.getByTestId('bits-slider').focus();
  await site.keyboard.press('End');
  const finest = bits.locator('tr[data-stop=w16a16]');
  await expect(finest).toHaveAttribute('aria-current', 'true');
  await expect(finest).toContainText('µs');
  await noViolations(site);

  // The run: no motion unless asked for; a step forward, to the end and back; listing and tensors follow.
  await site.getByRole('radio', { name: 'Debug' }).click();
  const playback = site.getByTestId('playback');
  await expect(playback).toBeVisible();
  await expect(playback.getByRole('button', { name: 'Play' })).toBeDisabled();
  const scrub = playback.getByTestId('scrub');
  await scrub.focus();
  await site.keyboard.press('PageUp');
  await expect(playback).not.toHaveAttribute('data-place', '0');
  await expect(playback.getByTestId('written')).toBeVisible();
  await expect(site.getByTestId('machine')).toHaveAttribute('data-status', 'paused');
  const place = await playback.getAttribute('data-place');
  const step = await site.getByTestId('machine').getAttribute('data-step');
  await noViolations(site);

  const carries = await reopened(site);
  expect(carries).toContain('1 changed weight');
  expect(carries).toContain('1 changed packet byte');
  expect(carries).toContain('w16a16');
  await expect(playback).toHaveAttribute('data-place', place!);
  await expect(site.getByTestId('machine')).toHaveAttribute('data-step', step!);
  await site.getByRole('radio', { name: 'Explore' }).click();
  await expect(site.getByTestId('byte-token')).toHaveText(`token ${captured} → ${captured + 3}`);
  await selectOp(site, 'Gemm');
  await expect(site.getByTestId('weights-differ')).toHaveText('▲ 1 weight differs from the file');
  await site.getByRole('tab', { name: 'Numbers' }).click();
  await expect(site.locator('tr[data-stop=w16a16]')).toHaveAttribute('aria-current', 'true');

  // Undo knows the weight: reset is one step, and the step back brings it again.
  await site.getByTestId('weight-touch').getByRole('button', { name: 'Reset all' }).click();
  await expect(site.getByTestId('weights-differ')).toHaveCount(0);
  await site.keyboard.press('Control+z');
  await expect(site.getByTestId('weights-differ')).toHaveCount(1);
});
