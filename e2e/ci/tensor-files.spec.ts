import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noViolations } from '../axe.ts';
import { agreement, expect, replayed, root, test } from '../page.ts';

test.use({ start: 'small program' });

const CALLS = 4686;

test('system calls and features run beside ONNX Runtime, and pictures and recordings are files that open again', async ({ site }) => {
  const sample = async (name: string) => {
    await site.getByRole('button', { name: /^Project/ }).click();
    await site.getByRole('menuitem', { name }).first().click();
    await site.getByRole('radio', { name: 'Replay' }).click();
  };
  const trace = site.locator('[data-panel=trace]');
  await sample('syscalls');
  await replayed(site, CALLS);
  expect(await agreement(site)).toBe(1);
  await trace.getByRole('combobox', { name: 'show' }).selectOption('tagged');
  await trace.getByRole('listbox', { name: 'System calls' }).getByRole('option').first().click();
  const window = trace.getByTestId('call-window');
  await expect(window).toContainText('TAG');
  await expect(window).toContainText('It ran at this call');

  // What ONNX Runtime computes at that call, as a file, is what it computes when the file is opened again.
  await site.getByRole('tab', { name: 'Tensor files' }).click();
  const files = site.locator('[data-panel=tensor-files]');
  await files.getByRole('spinbutton').fill('2');
  await files.getByRole('combobox', { name: 'as' }).selectOption('safetensors');
  const download = site.waitForEvent('download');
  await files.getByRole('button', { name: 'Record' }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe('syscalls-tensors.safetensors');
  await files
    .getByTestId('recording-picker')
    .setInputFiles(await saved.path().then((path) => ({ name: 'r.safetensors', mimeType: '', buffer: readFileSync(path) })));
  await expect(files.getByTestId('recorded')).toHaveAttribute('data-ready', 'true');
  await expect(files.getByTestId('recorded')).toHaveAttribute('data-differ', '0');
  await noViolations(site, { parts: ['[data-panel=trace]', '[data-panel=tensor-files]'] });

  await sample('flows');
  await replayed(site, 1314);
  await site.getByRole('tab', { name: 'Features' }).click();
  const features = site.locator('[data-panel=features]');
  await trace.locator('[data-packet="20"]').click();
  await expect(features).toContainText('of the first 21 packets');
  await expect(features.getByTestId('features')).toHaveAttribute('data-differ', '0');
  await site.getByRole('button', { name: 'Binding' }).click();
  const json = trace.getByRole('textbox', { name: 'Binding as JSON' });
  await json.fill((await json.inputValue()).replace('"tcp.syn"', '"tcp.sin"'));
  await expect(trace.getByRole('form', { name: 'Binding' })).toContainText('tcp.sin');
  await expect(trace.getByRole('button', { name: 'Apply' })).toBeDisabled();
  await noViolations(site, { parts: ['[data-panel=trace]', '[data-panel=features]'] });

  // A JPEG of another size than the model takes.
  const jpeg = await site.evaluate(async () => {
    const canvas = new OffscreenCanvas(40, 30);
    const context = canvas.getContext('2d')!;
    context.fillStyle = 'rgb(200, 60, 20)';
    context.fillRect(0, 0, 20, 30);
    const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  const model = readFileSync(join(root, 'samples/zoo/fixtures/vit-window-small/model.onnx'));
  await site.locator('#file-picker').setInputFiles([{ name: 'vit.onnx', mimeType: '', buffer: model }]);
  await expect(site.getByRole('button', { name: 'Project vit' })).toBeVisible();
  await site.locator('#file-picker').setInputFiles([{ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(jpeg) }]);
  await site.getByRole('tab', { name: 'Tensor files' }).click();
  await expect(files.getByTestId('pictures-made')).toContainText('40 × 30');
  await files.getByLabel('mean').fill('0.5');
  await files.getByLabel('deviation').fill('0.5');
  await files.getByRole('button', { name: 'Apply' }).click();
  await expect(files.getByTestId('pictures-made')).toContainText('numbers from -');
  await replayed(site, 1);
  await noViolations(site, { parts: ['[data-panel=tensor-files]'] });
});
