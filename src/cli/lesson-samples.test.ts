import { expect, test } from 'vitest';
import { decoderFigures, sampleFigures } from './lesson-samples.ts';

test('the figures shipped with the language model are those of its program', { timeout: 120_000 }, async () => {
  expect(await sampleFigures('stories'), 'write what decoderFigures gives into public/samples/stories/figures.json').toEqual(
    await decoderFigures(),
  );
  expect(await sampleFigures('nothing')).toBeNull();
});
