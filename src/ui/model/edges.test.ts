import fc from 'fast-check';
import { expect, it } from 'vitest';
import { edgeAt, edgePath, edgesOf, labelledEdges, nodeAt } from './edges.ts';
import { buildGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { layoutGraph } from './layout.ts';
import { buildScene } from './scene.ts';
import { modelWith, nodeOf } from './testing/models.ts';
import { layoutInput, visibleGraph } from './visible.ts';

const graph = buildGraph(
  modelWith([nodeOf(0, '/Relu', ['x']), nodeOf(1, '/Tanh', ['/Relu_out']), nodeOf(2, '/Add', ['/Relu_out', '/Tanh_out'])]),
);
const visible = visibleGraph(graph, buildGroups(graph), new Set());
const scene = buildScene(visible, layoutGraph(layoutInput(visible)));
const { layout } = scene;

it('finds a node at its middle and an edge at its points, at any scale', () => {
  const view = fc.record({
    x: fc.integer({ min: -500, max: 500 }),
    y: fc.integer({ min: -500, max: 500 }),
    k: fc.double({ min: 0.1, max: 2, noNaN: true }),
  });
  fc.assert(
    fc.property(view, fc.nat(visible.nodes.length - 1), fc.nat(visible.edges.length - 1), ({ x, y, k }, node, edge) => {
      const at = { x, y, k, width: 800, height: 600 };
      expect(nodeAt(scene, at, layout.x[node] * k + x, layout.y[node] * k + y)).toBe(node);
      const middle = (layout.pointStart[edge] + layout.pointStart[edge + 1]) >> 1;
      const found = edgeAt(scene, at, layout.points[2 * middle] * k + x, layout.points[2 * middle + 1] * k + y);
      expect(found).toBeGreaterThanOrEqual(0);
    }),
    { seed: 9, numRuns: 100 },
  );
});

it('finds the edges of a tensor, and labels one of them', () => {
  const own = edgesOf(scene, '/Relu_out');
  expect(own.size).toBe(2);
  expect(edgesOf(scene, null).size).toBe(0);
  const labelled = labelledEdges(scene);
  expect([...own].filter((edge) => labelled[edge] === 1)).toHaveLength(1);
  expect(edgePath(scene, 0)).toMatch(/^M[\d.,-]+C/);
});
