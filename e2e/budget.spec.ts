import { layeredModel } from '../bench/graph/layered-model.ts';
import { agreement, expect, open, test } from './page.ts';

/** Elements of the page; a few hundred more than there are today. They grow on purpose only. */
const FIRST_SCREEN = 2900;
const HUGE_GRAPH = 3200;

const elements = 'document.querySelectorAll("*").length';

test('the page holds no more elements than it shows, whatever the size of what is open', async ({ site }) => {
  await agreement(site);
  const first = Number(await site.evaluate(elements));
  expect(first).toBeLessThan(FIRST_SCREEN);
  const { bytes, nodes } = layeredModel(800);
  await open(site, { name: 'layers.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
  const graph = site.getByRole('tree', { name: `Model graph, ${nodes} operators` });
  await expect(graph).toBeVisible();
  await site.getByRole('button', { name: 'Open all groups' }).click();
  await expect(site.locator('.graph-box')).toHaveAttribute('data-drawing', 'canvas');
  const huge = Number(await site.evaluate(elements));
  test.info().annotations.push({ type: 'elements', description: `${first} on the first screen, ${huge} with ${nodes} operators` });
  expect(huge).toBeLessThan(HUGE_GRAPH);
});
