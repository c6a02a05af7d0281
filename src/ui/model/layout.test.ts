import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LayoutInput, layoutGraph } from './layout.ts';
import { cut } from './segments.ts';

const box = { width: 100, height: 40 };
const boxes = (count: number) => Array.from({ length: count }, () => box);
const chain = (count: number): LayoutInput => ({
  nodes: boxes(count),
  edges: Array.from({ length: count - 1 }, (_, at) => ({ from: at, to: at + 1 })),
});

/** A residual block: a → b → c, a → c. */
function residuals(count: number): LayoutInput {
  const edges: { from: number; to: number }[] = [];
  for (let at = 0; at < count; at++) {
    edges.push({ from: 2 * at, to: 2 * at + 1 }, { from: 2 * at, to: 2 * at + 2 }, { from: 2 * at + 1, to: 2 * at + 2 });
  }
  return { nodes: boxes(2 * count + 1), edges };
}

/** Residual blocks of which each also reads node 0, as layers read a mask. */
function masked(count: number): LayoutInput {
  const { nodes, edges } = residuals(count);
  return { nodes, edges: [...edges, ...Array.from({ length: count }, (_, at) => ({ from: 0, to: 2 * at + 2 })).slice(1)] };
}

const dag = fc.integer({ min: 1, max: 24 }).chain((count) =>
  fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 40 }).map(
    (pairs): LayoutInput => ({
      nodes: Array.from({ length: count }, (_, at) => ({ width: 60 + ((at * 37) % 90), height: at % 3 === 0 ? 28 : 44 })),
      edges: pairs.filter(([from, to]) => from < to).map(([from, to]) => ({ from, to })),
    }),
  ),
);

function expectApart({ nodes }: LayoutInput, { x, y }: { x: Float32Array; y: Float32Array }): void {
  const overlapping: [number, number][] = [];
  nodes.forEach((a, at) => {
    for (let other = at + 1; other < nodes.length; other++) {
      const b = nodes[other];
      const beside = Math.abs(x[at] - x[other]) >= (a.width + b.width) / 2 - 0.01;
      if (!beside && Math.abs(y[at] - y[other]) < (a.height + b.height) / 2 - 0.01) overlapping.push([at, other]);
    }
  });
  expect(overlapping).toEqual([]);
}

function expectDown(input: LayoutInput, { y }: { y: Float32Array }): void {
  expect(input.edges.filter(({ from, to }) => !(y[to] > y[from]))).toEqual([]);
}

describe('layoutGraph', () => {
  it('places every node once, apart from all others, below those that it follows', () => {
    fc.assert(
      fc.property(dag, (input) => {
        const result = layoutGraph(input);
        expect(result.x.every(Number.isFinite) && result.y.every(Number.isFinite)).toBe(true);
        expectDown(input, result);
        expectApart(input, result);
        for (const edge of input.edges.keys()) expect(result.pointStart[edge + 1] - result.pointStart[edge]).toBeGreaterThanOrEqual(2);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('lays repeated segments out alike, and only once', () => {
    const { y, segments, distinct } = layoutGraph(residuals(40));
    const step = y[4] - y[2];
    for (let at = 2; at + 2 < y.length - 1; at += 2) expect(y[at + 2] - y[at]).toBeCloseTo(step);
    expect(segments).toBe(40);
    expect(distinct).toBe(3);
  });

  it('stacks segments without drifting sideways', () => {
    const { x } = layoutGraph(residuals(40));
    for (let at = 2; at < x.length - 1; at += 2) expect(x[at]).toBeCloseTo(x[2]);
  });

  it('takes no notice of a mask that every layer reads', () => {
    const input = masked(80);
    const result = layoutGraph(input);
    expect(result.segments).toBeGreaterThan(30);
    expectDown(input, result);
    expectApart(input, result);
  });

  it('draws in rows what is too wide for dagre', () => {
    const count = 600;
    const input: LayoutInput = {
      nodes: boxes(count),
      edges: Array.from({ length: count - 2 }, (_, at) => [
        { from: 0, to: at + 1 },
        { from: at + 1, to: count - 1 },
      ]).flat(),
    };
    const result = layoutGraph(input);
    expectDown(input, result);
    expectApart(input, result);
  });

  it('reports how far it is, and knows segments from the call before', () => {
    const cache = new Map();
    const reports: [number, number][] = [];
    const first = layoutGraph(residuals(5), (done, total) => reports.push([done, total]), cache);
    expect(reports.at(-1)).toEqual([5, 5]);
    const held = cache.size;
    expect(layoutGraph(residuals(5), undefined, cache).y).toEqual(first.y);
    expect(cache.size).toBe(held);
  });

  it('takes an empty graph, one node and a long chain', () => {
    expect(layoutGraph({ nodes: [], edges: [] }).x).toHaveLength(0);
    expect(layoutGraph({ nodes: [box], edges: [] }).x).toHaveLength(1);
    expect(layoutGraph(chain(2000)).x).toHaveLength(2000);
  });
});

describe('cut', () => {
  it('lets no edge pass a cut of a small graph', () => {
    fc.assert(
      fc.property(dag, ({ nodes, edges }) => {
        const firsts = cut(nodes.length, edges);
        expect(firsts[0]).toBe(0);
        for (const first of firsts.slice(1)) for (const { from, to } of edges) expect(from < first && to > first).toBe(false);
      }),
      { seed: 1, numRuns: 100 },
    );
  });
});
