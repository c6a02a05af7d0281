import { layeredModel } from '../bench/graph/layered-model.ts';
import { expect, open, test } from './page.ts';

test('a model of thousands of operators: folded, opened, searched, drawn on a canvas, walked with the keyboard', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const { bytes, nodes } = layeredModel(200);
  await open(site, { name: 'layers.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
  const graph = site.getByRole('tree', { name: `Model graph, ${nodes} operators` });
  await expect(graph).toHaveAttribute('data-drawing', 'svg');
  await expect(graph.getByRole('treeitem', { name: /Encoder layer ×200, group of 2400 operators, folded/ })).toHaveAttribute(
    'aria-expanded',
    'false',
  );
  await graph.locator('[data-group]').click();
  await expect(graph).toHaveAttribute('data-nodes', '202');
  await expect(graph.getByRole('treeitem', { name: /^layers\.\d+, group of 12 operators/ })).toHaveCount(200);
  await expect(graph.getByRole('treeitem', { name: /Encoder layer ×200, group of 2400 operators, open/ })).toHaveAttribute(
    'aria-expanded',
    'true',
  );

  // A hit opens the groups that hide it.
  await site.getByLabel('Find in the graph').fill('layers.7/ softmax');
  await site.keyboard.press('Enter');
  await expect(graph.getByRole('treeitem', { selected: true })).toHaveText(/layers\.7\/attn\/Softmax, Softmax, 1×8×8 f32/);
  await expect(site.getByTestId('node-details')).toContainText('layers.7/attn/Softmax');

  await site.getByRole('button', { name: 'Open all groups' }).click();
  await expect(graph).toHaveAttribute('data-nodes', String(nodes + 2));
  await expect(graph).toHaveAttribute('data-drawing', 'canvas');
  // The canvas has elements for assistive technology, and draws.
  await expect(graph.getByRole('treeitem', { selected: true })).toHaveText(/layers\.7\/attn\/Softmax/);
  await graph.focus();
  await site.keyboard.press('ArrowDown');
  await expect(graph.getByRole('treeitem', { selected: true })).toHaveText(/layers\.7\/attn\/MatMul_1/);
  const colours = await site.locator('.graph-canvas').evaluate((element: HTMLCanvasElement) => {
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  expect(colours).toBeGreaterThan(10);

  await site.getByRole('button', { name: 'layers.7', exact: true }).click();
  await expect(graph).toHaveAttribute('data-nodes', String(nodes + 2 - 11));
  await site.getByRole('button', { name: 'Fold all groups' }).click();
  await expect(graph).toHaveAttribute('data-nodes', '3');
});
