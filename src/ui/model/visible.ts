import type { GraphNode, ModelGraph } from './graph-model.ts';
import type { Group } from './groups.ts';
import type { LayoutInput } from './layout.ts';

/** What stands in the drawing: an operator, an input or output of the model, or a group that is folded up. */
export interface VisibleNode {
  readonly id: string;
  readonly node: GraphNode | null;
  readonly group: Group | null;
  readonly width: number;
  readonly height: number;
}

export interface VisibleEdge {
  readonly from: number;
  readonly to: number;
  /** Tensors that run along it; more than one between groups. */
  readonly tensors: readonly string[];
  readonly bytes: number;
}

/** A group that is open: the area of nodes `first … last` of the drawing. */
export interface Frame {
  readonly group: Group;
  readonly first: number;
  readonly last: number;
  readonly depth: number;
}

export interface VisibleGraph {
  readonly graph: ModelGraph;
  readonly tree: readonly (Group | number)[];
  readonly nodes: readonly VisibleNode[];
  readonly edges: readonly VisibleEdge[];
  readonly frames: readonly Frame[];
  /** Where each node of the model's graph is drawn: itself, or the folded group that holds it. */
  readonly place: Int32Array;
}

const GROUP_WIDTH = 200;
const GROUP_HEIGHT = 52;

export function visibleGraph(graph: ModelGraph, tree: readonly (Group | number)[], open: ReadonlySet<string>): VisibleGraph {
  const nodes: VisibleNode[] = [];
  const frames: Frame[] = [];
  const place = new Int32Array(graph.nodes.length);
  const walk = (children: readonly (Group | number)[], depth: number) => {
    for (const child of children) {
      if (typeof child === 'number') {
        const node = graph.nodes[child]!;
        place[child] = nodes.length;
        nodes.push({ id: node.id, node, group: null, width: node.width, height: node.height });
      } else if (open.has(child.id)) {
        const first = nodes.length;
        const frame = frames.length;
        frames.push({ group: child, first, last: first, depth });
        walk(child.children, depth + 1);
        frames[frame] = { group: child, first, last: nodes.length - 1, depth };
      } else {
        place.fill(nodes.length, child.first, child.last + 1);
        nodes.push({ id: `group:${child.id}`, node: null, group: child, width: GROUP_WIDTH, height: GROUP_HEIGHT });
      }
    }
  };
  walk(tree, 0);
  const merged = new Map<number, { from: number; to: number; tensors: string[]; bytes: number }>();
  for (const edge of graph.edges) {
    const from = place[edge.from]!;
    const to = place[edge.to]!;
    if (from === to) continue;
    const key = from * nodes.length + to;
    const known = merged.get(key);
    if (!known) merged.set(key, { from, to, tensors: [edge.tensor], bytes: edge.bytes });
    else if (!known.tensors.includes(edge.tensor)) {
      known.tensors.push(edge.tensor);
      known.bytes += edge.bytes;
    }
  }
  return { graph, tree, nodes, edges: [...merged.values()], frames, place };
}

export function layoutInput({ nodes, edges }: VisibleGraph): LayoutInput {
  return {
    nodes: nodes.map(({ width, height }) => ({ width, height })),
    edges: edges.map(({ from, to }) => ({ from, to })),
  };
}

/** Models up to this size are shown whole at first. */
export const OPEN_UP_TO = 300;
const FIRST_VIEW = 60;

/** Groups that are open at first: all of a small model; of a large one as many as give a first view. */
export function firstOpen(graph: ModelGraph, tree: readonly (Group | number)[]): ReadonlySet<string> {
  if (graph.indexOfOp.size <= OPEN_UP_TO) return allGroups(tree);
  const open = new Set<string>();
  let count = tree.length;
  const queue = tree.filter((child) => typeof child === 'object');
  for (const group of queue) {
    const grown = count + group.children.length - 1;
    // The layers of a stack are alike: one card says what they are.
    if (grown > FIRST_VIEW || group.repeats !== undefined) continue;
    open.add(group.id);
    count = grown;
    queue.push(...group.children.filter((child) => typeof child === 'object'));
  }
  return open;
}

export function allGroups(tree: readonly (Group | number)[]): Set<string> {
  const all = new Set<string>();
  const queue = [...tree];
  for (const child of queue) {
    if (typeof child === 'number') continue;
    all.add(child.id);
    queue.push(...child.children);
  }
  return all;
}

/** Groups that hold node `at` of the model's graph, outermost first. */
export function groupsAround(tree: readonly (Group | number)[], at: number): Group[] {
  const around: Group[] = [];
  let children = tree;
  for (;;) {
    const inner = children.find((child): child is Group => typeof child === 'object' && child.first <= at && at <= child.last);
    if (!inner) return around;
    around.push(inner);
    children = inner.children;
  }
}
