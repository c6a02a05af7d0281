import { noViolations } from './axe.ts';
import { expect, sample, test } from './page.ts';

test.use({ start: 'small program' });

test('a language model writes in the tab: from a prompt, token by token, with what else was likely', async ({ site }) => {
  await site.emulateMedia({ reducedMotion: 'reduce' });
  await sample(site, 'stories');
  const panel = site.locator('[data-panel=text]');
  const write = panel.getByRole('button', { name: 'Write' });
  await expect(write).toBeEnabled();
  await expect(panel).toContainText('instructions of type syscall');

  // Always the likeliest token: the same text whenever it is asked for.
  await panel.getByLabel('Prompt').fill('One day, a brave girl named Lily');
  await panel.getByLabel('Temperature').fill('0');
  const written = panel.getByTestId('written');
  const ending = panel.getByTestId('text-ending');
  await write.click();
  await expect(ending).toHaveText('the model ended its text');
  const text = async (): Promise<string> => (await written.textContent()) ?? '';
  const story = (await text()).replace('the model ended its text', '').trim();
  expect(story).toMatch(/^One day, a brave girl named Lily .*\.$/s);
  expect(story.split(/\s+/).length).toBeGreaterThan(20);

  // The first token's alternatives by the keyboard.
  const tokens = panel.getByRole('listbox', { name: 'Text' });
  await tokens.focus();
  await site.keyboard.press('Home');
  const likely = panel.getByRole('region', { name: 'Likeliest tokens' });
  await expect(likely.getByRole('row')).toHaveCount(9);
  await expect(likely.getByRole('row').filter({ hasText: 'chosen' })).toHaveCount(1);
  await noViolations(site, { parts: ['[data-panel=text]'] });

  // Drawn by a seed: another seed, another story; the same seed, the same one.
  await panel.getByLabel('Temperature').fill('1');
  const draw = async (seed: string): Promise<string> => {
    await panel.getByLabel('Seed').fill(seed);
    await write.click();
    await expect(ending).toHaveText(/ended|place/);
    return text();
  };
  const first = await draw('3');
  expect(await draw('4')).not.toBe(first);
  expect(await draw('3')).toBe(first);

  const [download] = await Promise.all([
    site.waitForEvent('download'),
    panel
      .getByRole('button', { name: 'Save object' })
      .or(site.getByRole('button', { name: 'Save object' }))
      .first()
      .click(),
  ]);
  expect(download.suggestedFilename()).toBe('stories.o');
});
