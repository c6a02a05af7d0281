import { readFileSync } from 'node:fs';
import { readObject } from '../../src/object/reader.ts';
import { noViolations } from '../axe.ts';
import { agreement, expect, FEW_PACKETS, replayed, test } from '../page.ts';

test('manners of a program in production are chosen in the form of its binding, and are in the object', async ({ site }) => {
  await replayed(site, FEW_PACKETS);
  await site.getByRole('radio', { name: 'Replay' }).click();
  const trace = site.locator('[data-panel=trace]');
  const open = () => site.getByRole('button', { name: 'Binding', exact: true }).click();
  await open();
  const form = trace.getByRole('form', { name: 'Binding' });
  await form.getByRole('checkbox', { name: /^kill switch/ }).check();
  await form.getByRole('checkbox', { name: /^start in shadow mode/ }).check();
  await form.getByRole('checkbox', { name: /^measure latency/ }).check();
  await form.getByRole('combobox', { name: 'model sees' }).selectOption('flow');
  await form.getByRole('spinbutton', { name: 'one in' }).fill('0');
  await expect(form).toContainText('/production/sample/oneIn should be a whole number from 1');
  await expect(form.getByRole('button', { name: 'Apply' })).toBeDisabled();
  await form.getByRole('spinbutton', { name: 'one in' }).fill('4');
  await noViolations(site, { parts: ['[data-panel=trace]'] });
  await form.getByRole('button', { name: 'Apply' }).click();

  // A replay asks what the model says of every event, whatever the binding lets it see.
  await replayed(site, FEW_PACKETS);
  await expect.poll(() => agreement(site)).toBe(1);
  const download = site.waitForEvent('download');
  await site.getByRole('button', { name: 'Export object' }).click();
  const { maps } = readObject(new Uint8Array(readFileSync(await (await download).path())), 'out.o');
  expect(maps.map(({ name }) => name)).toEqual(expect.arrayContaining(['control', 'counters', 'latency']));

  // The same in the document, which the form changes too.
  await open();
  await form.getByRole('button', { name: 'As JSON' }).click();
  const json = form.getByRole('textbox', { name: 'Binding as JSON' });
  const production = async (): Promise<unknown> => (JSON.parse(await json.inputValue()) as { production?: unknown }).production;
  expect(await production()).toEqual({ shadow: true, latency: true, sample: { oneIn: 4, by: 'flow' } });
  await form.getByRole('combobox', { name: 'model sees' }).selectOption('all');
  await expect.poll(production).toEqual({ shadow: true, latency: true });
  await form.getByRole('checkbox', { name: /^kill switch/ }).uncheck();
  await expect.poll(production).toBeUndefined();
});
