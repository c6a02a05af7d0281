import { Graph, layout } from '@dagrejs/dagre';

/** A graph to lay out: nodes in topological order, edges by position in `nodes`. */
export interface LayoutInput {
  readonly nodes: readonly { readonly width: number; readonly height: number }[];
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LayoutResult {
  /** Centres. */
  readonly nodes: readonly Point[];
  readonly edges: readonly (readonly Point[])[];
  readonly bounds: { readonly minX: number; readonly minY: number; readonly maxX: number; readonly maxY: number };
}

interface Placed {
  readonly nodes: readonly Point[];
  readonly edges: readonly (readonly Point[])[];
}

/**
 * Lays the graph out in segments, cut at nodes that every path passes, and each distinct segment once: repeated layers cost
 * one layout, and dagre never sees more than one of them.
 */
export function layoutGraph(input: LayoutInput): LayoutResult {
  const count = input.nodes.length;
  const nodes: Point[] = new Array(count);
  const edges: (readonly Point[])[] = new Array(input.edges.length);
  const known = new Map<string, Placed>();
  let anchor: Point = { x: 0, y: 0 };
  for (const [first, last] of segments(input)) {
    const inside: number[] = [];
    input.edges.forEach((edge, index) => {
      if (edge.from >= first && edge.to <= last) inside.push(index);
    });
    const signature = JSON.stringify([
      input.nodes.slice(first, last + 1).map((node) => [node.width, node.height]),
      inside.map((index) => [input.edges[index]!.from - first, input.edges[index]!.to - first]),
    ]);
    let placed = known.get(signature);
    if (!placed) {
      placed = place(
        input.nodes.slice(first, last + 1),
        inside.map((index) => ({ from: input.edges[index]!.from - first, to: input.edges[index]!.to - first })),
      );
      known.set(signature, placed);
    }
    const head = placed.nodes[0] ?? { x: 0, y: 0 };
    const dx = first === 0 ? 0 : anchor.x - head.x;
    const dy = first === 0 ? 0 : anchor.y - head.y;
    const move = (point: Point): Point => ({ x: point.x + dx, y: point.y + dy });
    placed.nodes.forEach((point, at) => {
      nodes[first + at] = move(point);
    });
    inside.forEach((index, at) => {
      edges[index] = placed.edges[at]!.map(move);
    });
    anchor = nodes[last] ?? anchor;
  }
  return { nodes, edges, bounds: boundsOf(input, nodes) };
}

/** Ranges of nodes, each beginning with the node that the one before ended with. */
function segments(input: LayoutInput): [number, number][] {
  const count = input.nodes.length;
  if (count === 0) return [];
  // reach[i]: the farthest node that an edge from before node i arrives at.
  const farthest = new Array<number>(count).fill(-1);
  for (const { from, to } of input.edges) farthest[from] = Math.max(farthest[from]!, to);
  const hasInput = new Set(input.edges.map((edge) => edge.to));
  const result: [number, number][] = [];
  let start = 0;
  let reach = -1;
  for (let at = 0; at < count; at++) {
    // Everything so far ends here, and what follows hangs on this node alone.
    const closed = reach <= at && at > start && at + 1 < count && hasInput.has(at + 1);
    if (closed) {
      result.push([start, at]);
      start = at;
    }
    reach = Math.max(reach, farthest[at]!);
  }
  result.push([start, count - 1]);
  return result;
}

function place(nodes: LayoutInput['nodes'], edges: LayoutInput['edges']): Placed {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 20, ranksep: 28, edgesep: 12, marginx: 0, marginy: 0 });
  nodes.forEach((node, index) => {
    graph.setNode(String(index), { width: node.width, height: node.height });
  });
  edges.forEach((edge, index) => {
    graph.setEdge(String(edge.from), String(edge.to), {}, String(index));
  });
  layout(graph);
  return {
    nodes: nodes.map((_, index) => {
      const { x, y } = graph.node(String(index)) as unknown as Point;
      return { x, y };
    }),
    edges: edges.map((edge, index) => {
      const { points } = graph.edge(String(edge.from), String(edge.to), String(index)) as unknown as { points: Point[] };
      return points.map(({ x, y }) => ({ x, y }));
    }),
  };
}

function boundsOf(input: LayoutInput, nodes: readonly Point[]): LayoutResult['bounds'] {
  let [minX, minY, maxX, maxY] = [0, 0, 0, 0];
  nodes.forEach((point, index) => {
    const { width, height } = input.nodes[index]!;
    minX = Math.min(minX, point.x - width / 2);
    maxX = Math.max(maxX, point.x + width / 2);
    minY = Math.min(minY, point.y - height / 2);
    maxY = Math.max(maxY, point.y + height / 2);
  });
  return { minX, minY, maxX, maxY };
}
