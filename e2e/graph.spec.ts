import { readFile } from 'node:fs/promises';
import { layeredModel } from '../bench/graph/layered-model.ts';
import { noViolations } from './axe.ts';
import { expect, open, selectOp, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

test('overlays, tensors, weights and exports of the graph, by keyboard', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const graph = site.getByRole('tree', { name: /^Model graph/ });
  const product = await selectOp(site, 'Gemm');
  await graph.focus();
  await site.keyboard.press('o');
  await site.keyboard.press('o');
  await expect(site.getByRole('combobox', { name: 'Overlay' })).toHaveValue('processed');
  await expect(site.getByRole('figure', { name: 'Legend of heat: processed' })).toContainText('folded groups: sum');
  await expect(graph.getByRole('treeitem', { selected: true })).toHaveText(/[\d,]+ processed$/);
  await expect(site.locator('.graph-op.heated').first()).toBeVisible();

  await site.keyboard.press('t');
  await expect(site.getByTestId('tensor-details')).toContainText(/int16, scale/);
  await expect(site.locator('.graph-edges .chosen')).not.toHaveCount(0);

  await product.dispatchEvent('click');
  const map = site.getByRole('grid', { name: /^Entries of/ });
  await map.focus();
  await site.keyboard.press('ArrowDown');
  await site.keyboard.press('ArrowRight');
  await expect(map.getByRole('gridcell')).toHaveText(/^\[\d+, \d+\] −?\d[\d.e-]* · -?\d+ × /);
  await site.keyboard.press('Enter');
  await expect(map.getByRole('gridcell', { selected: true })).toHaveCount(1);
  await noViolations(site, { parts: ['[data-panel=model]'] });

  const svg = site.waitForEvent('download');
  await site.getByRole('button', { name: 'Export and compare' }).click();
  await site.getByRole('menuitem', { name: 'Export the graph as SVG' }).click();
  const text = await readFile((await (await svg).path())!, 'utf8');
  expect(text).not.toMatch(/var\(|NaN|undefined/);
  expect(text.match(/class="t"/g)).toHaveLength(45);
  const png = site.waitForEvent('download');
  await site.getByRole('button', { name: 'Export and compare' }).click();
  await site.getByRole('menuitem', { name: 'Export the graph as PNG' }).click();
  await site.getByRole('radio', { name: /×1 / }).check();
  await site.getByRole('button', { name: 'Export', exact: true }).click();
  expect((await readFile((await (await png).path())!)).subarray(1, 4).toString()).toBe('PNG');
});

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

test('two models side by side: what was added, removed and changed', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const model = (layers: number) => ({
    name: `layers-${layers}.onnx`,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(layeredModel(layers).bytes),
  });
  await open(site, model(2));
  await expect(site.getByRole('tree', { name: 'Model graph, 24 operators' })).toBeVisible();
  await site.getByTestId('compare-picker').setInputFiles(model(3));
  await expect(site.getByTestId('comparison')).toHaveText(/\+ 12 added− 0 removed~ 0 changed24 same/);
  const list = site.getByRole('listbox', { name: 'Differences between the two models' });
  await expect(list.getByRole('option')).not.toHaveCount(0);
  await site.getByRole('button', { name: 'Next difference' }).click();
  const other = site.getByRole('tree', { name: /^Other model graph, layers-3\.onnx/ });
  await expect(other.getByRole('treeitem', { selected: true })).toHaveText(/layers\.2.*, added$/);
  await noViolations(site, { parts: ['[data-panel=model]'] });
  await site.getByRole('button', { name: 'Leave the comparison' }).click();
  await expect(other).toHaveCount(0);
});
