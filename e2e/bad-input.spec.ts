import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { singleNodeModel } from './models.ts';
import { expect, open, samples, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

const model = readFileSync(join(samples, 'payload', 'payload-ids.onnx'));
const capture = readFileSync(join(samples, 'payload', 'heldout.pcap'));
const binary = 'application/octet-stream';

const cases = [
  {
    name: 'a truncated model',
    file: { name: 'cut.onnx', mimeType: binary, buffer: model.subarray(0, model.length - 1000) },
    says: /cut\.onnx/,
  },
  {
    name: 'a foreign file',
    file: { name: 'photo.onnx', mimeType: binary, buffer: Buffer.from('GIF89a, and no model at all') },
    says: /photo\.onnx/,
  },
  {
    name: 'an unknown kind of file',
    file: { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
    says: /notes\.txt.*\.onnx/,
  },
  { name: 'an empty capture', file: { name: 'empty.pcap', mimeType: binary, buffer: Buffer.alloc(0) }, says: /empty\.pcap.*empty/ },
  { name: 'tensors of the wrong shape', file: join(samples, 'motion', 'trace.npy'), says: /trace\.npy.*shape/ },
  {
    name: 'a binding that does not fit the model',
    file: {
      name: 'binding.json',
      mimeType: 'application/json',
      buffer: Buffer.from(
        JSON.stringify({
          hook: 'xdp',
          input: { kind: 'payload', layer: 'l4_payload', length: 33, pad: 256 },
          output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
        }),
      ),
    },
    says: /33.*48/,
  },
] as const;

test('bad input is answered by one clear message each, and the workspace stays', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const notices = site.getByTestId('notices');
  for (const { name, file, says } of cases) {
    await test.step(name, async () => {
      await open(site, file);
      await expect(notices.getByTestId('error-note')).toHaveCount(1);
      await expect(notices).toContainText(says);
      await expect(notices).not.toContainText(/unexpectedly|TypeError|RangeError|undefined/);
      await expect(site.getByRole('button', { name: 'Project payload-ids' })).toBeVisible();
      await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
      await notices.getByRole('button', { name: 'Dismiss this message' }).click();
      await expect(notices).toHaveCount(0);
    });
  }
});

test('a capture that is cut in its last packet is used as far as it goes, and says so', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  // The file's header and the first ten packets, with the last cut in half.
  let at = 24;
  for (let packet = 0; packet < 9; packet++) at += 16 + capture.readUInt32LE(at + 8);
  const cut = capture.subarray(0, at + 16 + Math.floor(capture.readUInt32LE(at + 8) / 2));
  await open(site, { name: 'cut.pcap', mimeType: binary, buffer: cut });
  await expect(site.getByTestId('replayed')).toHaveAttribute('data-done', '9');
  await expect(site.locator('[data-panel=trace]').getByTestId('error-note')).toContainText('9 whole packets');
});

test('a model with an operator that nobody compiles names the node and the operator', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await open(site, { name: 'sine.onnx', mimeType: binary, buffer: singleNodeModel('Det', 'determinant_0') });
  await expect(site.getByTestId('error-note').first()).toContainText(/determinant_0/);
  await expect(site.getByTestId('error-note').first()).toContainText(/Det/);
  await expect(site.getByTestId('error-note').first()).not.toContainText(/unexpectedly|TypeError|undefined/);
});
