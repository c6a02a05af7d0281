import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LayoutInput, layoutGraph } from './layout.ts';

const box = { width: 100, height: 40 };
const chain = (count: number): LayoutInput => ({
  nodes: Array.from({ length: count }, () => box),
  edges: Array.from({ length: count - 1 }, (_, at) => ({ from: at, to: at + 1 })),
});

/** A residual block: a → b → c, a → c. */
function residuals(count: number): LayoutInput {
  const edges: { from: number; to: number }[] = [];
  for (let at = 0; at < count; at++) {
    edges.push({ from: 2 * at, to: 2 * at + 1 }, { from: 2 * at, to: 2 * at + 2 }, { from: 2 * at + 1, to: 2 * at + 2 });
  }
  return { nodes: Array.from({ length: 2 * count + 1 }, () => box), edges };
}

describe('layoutGraph', () => {
  it('puts every node below those that it follows', () => {
    const dag = fc.integer({ min: 2, max: 24 }).chain((count) =>
      fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 40 }).map(
        (pairs): LayoutInput => ({
          nodes: Array.from({ length: count }, () => box),
          edges: pairs.filter(([from, to]) => from < to).map(([from, to]) => ({ from, to })),
        }),
      ),
    );
    fc.assert(
      fc.property(dag, (input) => {
        const { nodes, edges } = layoutGraph(input);
        for (const { from, to } of input.edges) expect(nodes[to].y).toBeGreaterThan(nodes[from].y);
        expect(edges.every((points) => points.length >= 2)).toBe(true);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('keeps nodes apart', () => {
    const { nodes } = layoutGraph(residuals(6));
    nodes.forEach((a, at) => {
      for (const b of nodes.slice(at + 1)) expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height).toBe(true);
    });
  });

  it('lays repeated segments out alike', () => {
    const { nodes } = layoutGraph(residuals(4));
    const step = nodes[2].y - nodes[0].y;
    for (let at = 0; at + 2 < nodes.length; at += 2) expect(nodes[at + 2].y - nodes[at].y).toBeCloseTo(step);
  });

  it('takes an empty graph, one node and a long chain', () => {
    expect(layoutGraph({ nodes: [], edges: [] }).nodes).toEqual([]);
    expect(layoutGraph({ nodes: [box], edges: [] }).nodes).toHaveLength(1);
    expect(layoutGraph(chain(2000)).nodes).toHaveLength(2000);
  });
});
