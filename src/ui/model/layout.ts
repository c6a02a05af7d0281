import { Graph, layout } from '@dagrejs/dagre';
import { cut } from './segments.ts';

/** A graph to lay out: nodes in topological order, edges by position in `nodes`. */
export interface LayoutInput {
  readonly nodes: readonly { readonly width: number; readonly height: number }[];
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Bounds {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** Columns rather than objects: they cross from the worker by transfer. */
export interface LayoutResult {
  /** Centres of the nodes. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Edge e runs through points `pointStart[e] … pointStart[e + 1])`, two numbers each in `points`. */
  readonly pointStart: Uint32Array;
  readonly points: Float32Array;
  readonly bounds: Bounds;
  readonly segments: number;
  /** Segments that differ from all others: only these are laid out. */
  readonly distinct: number;
}

/** Places of a segment's nodes and edges, two numbers a point. */
interface Placed {
  readonly nodes: Float32Array;
  readonly edges: readonly Float32Array[];
}

/** Segments that earlier calls laid out; groups that open and close bring the same ones again. */
export type SegmentCache = Map<string, Placed>;

const NODE_GAP = 20;
const RANK_GAP = 28;
/** Dagre's time grows with the square of the nodes: beyond this many, plain rows. */
const MOST_FOR_DAGRE = 400;
const MOST_CACHED = 4000;

/**
 * Lays the graph out in segments, cut at nodes that every path passes, and each distinct segment once: repeated layers cost
 * one layout, and dagre never sees more than one of them. Edges that jump over segments run in lanes at the left.
 */
export function layoutGraph(
  input: LayoutInput,
  report: (done: number, total: number) => void = () => {},
  cache: SegmentCache = new Map(),
): LayoutResult {
  const count = input.nodes.length;
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const edges: (Float32Array | undefined)[] = new Array(input.edges.length);
  const firsts = cut(count, input.edges);
  const segmentOf = new Uint32Array(count);
  firsts.forEach((first, segment) => {
    const last = firsts[segment + 1] ?? count - 1;
    for (let at = segment === 0 ? 0 : first + 1; at <= last; at++) segmentOf[at] = segment;
  });
  const inside: number[][] = firsts.map(() => []);
  const far: number[] = [];
  input.edges.forEach((edge, index) => {
    const segment = segmentOf[edge.to]!;
    if (edge.from >= firsts[segment]!) inside[segment]!.push(index);
    else far.push(index);
  });
  const distinct = new Set<string>();
  if (cache.size > MOST_CACHED) cache.clear();
  firsts.forEach((first, segment) => {
    const last = firsts[segment + 1] ?? count - 1;
    const ends = { head: segment > 0, tail: segment + 1 < firsts.length };
    const nodes = input.nodes.slice(first, last + 1);
    const own = inside[segment]!.map((index) => ({ from: input.edges[index]!.from - first, to: input.edges[index]!.to - first }));
    const signature = `${ends.head} ${ends.tail} ${nodes.map((node) => `${node.width}x${node.height}`).join()} ${own
      .map((edge) => `${edge.from}-${edge.to}`)
      .join()}`;
    distinct.add(signature);
    let placed = cache.get(signature);
    if (!placed) {
      const all = [...own, ...holdingEdges(nodes.length, own, ends)];
      placed = nodes.length > MOST_FOR_DAGRE ? rows(nodes, all, own.length) : place(nodes, all, own.length);
      if (ends.head && ends.tail) straighten(nodes, own, placed);
      cache.set(signature, placed);
    }
    const dx = ends.head ? x[first]! - placed.nodes[0]! : 0;
    const dy = ends.head ? y[first]! - placed.nodes[1]! : 0;
    for (let at = 0; at < nodes.length; at++) {
      x[first + at] = placed.nodes[2 * at]! + dx;
      y[first + at] = placed.nodes[2 * at + 1]! + dy;
    }
    inside[segment]!.forEach((index, at) => {
      edges[index] = placed.edges[at]!.map((value, axis) => value + (axis % 2 === 0 ? dx : dy));
    });
    report(segment + 1, firsts.length);
  });
  routeFar(input, far, x, y, edges);
  const pointStart = new Uint32Array(edges.length + 1);
  edges.forEach((points, index) => {
    pointStart[index + 1] = pointStart[index]! + (points?.length ?? 0) / 2;
  });
  const points = new Float32Array(2 * (pointStart.at(-1) ?? 0));
  edges.forEach((own, index) => {
    if (own) points.set(own, 2 * pointStart[index]!);
  });
  return { x, y, pointStart, points, bounds: boundsOf(input, x, y, points), segments: firsts.length, distinct: distinct.size };
}

/** Edges that keep the node shared with the segment before on top, and the one shared with the next at the bottom. */
function holdingEdges(count: number, own: LayoutInput['edges'], ends: { head: boolean; tail: boolean }): LayoutInput['edges'] {
  const hasInput = new Uint8Array(count);
  const hasOutput = new Uint8Array(count);
  for (const { from, to } of own) {
    hasOutput[from] = 1;
    hasInput[to] = 1;
  }
  const result: { from: number; to: number }[] = [];
  for (let at = 0; at < count; at++) {
    if (ends.head && at > 0 && !hasInput[at]) result.push({ from: 0, to: at });
    if (ends.tail && at < count - 1 && !hasOutput[at]) result.push({ from: at, to: count - 1 });
  }
  return result;
}

/** Puts both ends of a segment, each alone in its rank, over the middle, so that a stack of segments doesn't drift sideways. */
function straighten(nodes: LayoutInput['nodes'], own: LayoutInput['edges'], { nodes: places, edges }: Placed): void {
  const last = nodes.length - 1;
  if (last < 1) return;
  let [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = last > 1 ? 1 : 0; at < Math.max(1, last); at++) {
    left = Math.min(left, places[2 * at]! - nodes[at]!.width / 2);
    right = Math.max(right, places[2 * at]! + nodes[at]!.width / 2);
  }
  const middle = (left + right) / 2;
  const fromHead = middle - places[0]!;
  const fromTail = middle - places[2 * last]!;
  places[0] = middle;
  places[2 * last] = middle;
  own.forEach(({ from, to }, index) => {
    const points = edges[index]!;
    if (from === 0) points[0]! += fromHead;
    if (to === last) points[points.length - 2]! += fromTail;
  });
}

/** The first `drawn` edges are drawn, the others only hold. */
function place(nodes: LayoutInput['nodes'], edges: LayoutInput['edges'], drawn: number): Placed {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: NODE_GAP, ranksep: RANK_GAP, edgesep: 12, marginx: 0, marginy: 0 });
  nodes.forEach((node, index) => {
    graph.setNode(String(index), { width: node.width, height: node.height });
  });
  edges.forEach((edge, index) => {
    graph.setEdge(String(edge.from), String(edge.to), index < drawn ? {} : { weight: 0 }, String(index));
  });
  layout(graph);
  const places = new Float32Array(2 * nodes.length);
  nodes.forEach((_, index) => {
    const { x, y } = graph.node(String(index)) as unknown as Point;
    places[2 * index] = x;
    places[2 * index + 1] = y;
  });
  return {
    nodes: places,
    edges: edges.slice(0, drawn).map((edge, index) => {
      const { points } = graph.edge(String(edge.from), String(edge.to), String(index)) as unknown as { points: Point[] };
      return Float32Array.from(points.flatMap(({ x, y }) => [x, y]));
    }),
  };
}

/** Ranks by the longest path from the top, each rank a row, ordered by what its nodes read: linear in nodes and edges. */
function rows(nodes: LayoutInput['nodes'], edges: LayoutInput['edges'], drawn: number): Placed {
  const rank = new Uint32Array(nodes.length);
  const inputs: number[][] = nodes.map(() => []);
  for (const { from, to } of edges) inputs[to]!.push(from);
  const ranks: number[][] = [];
  nodes.forEach((_, at) => {
    for (const from of inputs[at]!) rank[at] = Math.max(rank[at]!, rank[from]! + 1);
    ranks[rank[at]!] ??= [];
    ranks[rank[at]!]!.push(at);
  });
  const places = new Float32Array(2 * nodes.length);
  let top = 0;
  for (const row of ranks) {
    const wish = new Map(
      row.map((at) => [at, inputs[at]!.reduce((sum, from) => sum + places[2 * from]!, 0) / Math.max(1, inputs[at]!.length)]),
    );
    const ordered = [...row].sort((a, b) => wish.get(a)! - wish.get(b)!);
    const height = Math.max(...ordered.map((at) => nodes[at]!.height));
    const width = ordered.reduce((sum, at) => sum + nodes[at]!.width + NODE_GAP, -NODE_GAP);
    const middle = ordered.reduce((sum, at) => sum + wish.get(at)!, 0) / ordered.length;
    let left = middle - width / 2;
    for (const at of ordered) {
      places[2 * at] = left + nodes[at]!.width / 2;
      places[2 * at + 1] = top + height / 2;
      left += nodes[at]!.width + NODE_GAP;
    }
    top += height + RANK_GAP;
  }
  return {
    nodes: places,
    edges: edges.slice(0, drawn).map(({ from, to }) => {
      const start = places[2 * from + 1]! + nodes[from]!.height / 2;
      const end = places[2 * to + 1]! - nodes[to]!.height / 2;
      return Float32Array.of(places[2 * from]!, start, places[2 * to]!, end);
    }),
  };
}

const BLOCK = 64;
const LANES = 6;
const LANE_GAP = 8;

/** Edges over several segments: down a lane left of everything that they pass; one lane for all readers of a tensor. */
function routeFar(input: LayoutInput, far: readonly number[], x: Float32Array, y: Float32Array, edges: (Float32Array | undefined)[]): void {
  const left = new Float32Array(Math.ceil(x.length / BLOCK)).fill(Number.POSITIVE_INFINITY);
  x.forEach((value, at) => {
    const block = Math.floor(at / BLOCK);
    left[block] = Math.min(left[block]!, value - input.nodes[at]!.width / 2);
  });
  const reach = new Map<number, number>();
  for (const index of far) {
    const { from, to } = input.edges[index]!;
    reach.set(from, Math.max(reach.get(from) ?? 0, to));
  }
  const lane = new Map<number, number>();
  for (const [from, to] of reach) {
    let edge = Number.POSITIVE_INFINITY;
    for (let block = Math.floor(from / BLOCK); block <= Math.floor(to / BLOCK); block++) edge = Math.min(edge, left[block]!);
    lane.set(from, edge - NODE_GAP - (lane.size % LANES) * LANE_GAP);
  }
  for (const index of far) {
    const { from, to } = input.edges[index]!;
    const start = y[from]! + input.nodes[from]!.height / 2;
    const end = y[to]! - input.nodes[to]!.height / 2;
    const side = lane.get(from)!;
    const turn = Math.min(RANK_GAP, Math.max(0, (end - start) / 3));
    edges[index] = Float32Array.of(x[from]!, start, side, start + turn, side, end - turn, x[to]!, end);
  }
}

function boundsOf(input: LayoutInput, x: Float32Array, y: Float32Array, points: Float32Array): Bounds {
  let [minX, minY, maxX, maxY] = [0, 0, 0, 0];
  input.nodes.forEach(({ width, height }, index) => {
    minX = Math.min(minX, x[index]! - width / 2);
    maxX = Math.max(maxX, x[index]! + width / 2);
    minY = Math.min(minY, y[index]! - height / 2);
    maxY = Math.max(maxY, y[index]! + height / 2);
  });
  for (let at = 0; at < points.length; at += 2) {
    minX = Math.min(minX, points[at]!);
    maxX = Math.max(maxX, points[at]!);
  }
  return { minX, minY, maxX, maxY };
}
