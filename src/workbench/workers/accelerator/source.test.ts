import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hold } from '../blobs.ts';
import { Host } from './host.ts';
import { Source } from './source.ts';

it('a device that is reset forgets what other numbers of rows needed, and keeps the model itself', async () => {
  const bytes = new Uint8Array(readFileSync('public/samples/accelerator/scorer.onnx'));
  hold({ hash: 'scorer', bytes });
  const source = await Source.open({ hash: 'scorer', name: 'scorer.onnx', size: bytes.length }, {});
  const host = await Host.start(source, {});
  const [one, three] = [await source.sized(1), await source.sized(3)];
  expect(await source.sized(3)).toBe(three);
  await host.restart({}, () => []);
  expect(await source.sized(1)).toBe(one);
  expect(await source.sized(3)).not.toBe(three);
});
