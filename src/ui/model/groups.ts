import type { GraphNode, ModelGraph } from './graph-model.ts';

/** Operators that belong together: they share a path in their names, or repeat what others do. */
export interface Group {
  readonly id: string;
  readonly label: string;
  /** Positions `first … last` in the graph's nodes; always one run, so that folding it up closes no cycle. */
  readonly first: number;
  readonly last: number;
  readonly children: readonly (Group | number)[];
  readonly ops: number;
  /** Of a stack: how many alike stand in it, one a child. */
  readonly repeats?: number;
}

/** Children of the whole model: groups and positions of nodes, in the graph's order. */
export function buildGroups(graph: ModelGraph): readonly (Group | number)[] {
  const paths = graph.nodes.map((node) => (node.node ? modulePath(node.node.name) : []));
  const shapes = new Shapes(graph);
  const within = (from: number, to: number, depth: number, parent: string): (Group | number)[] => {
    const children: (Group | number)[] = [];
    for (let at = from; at < to; ) {
      const part = paths[at]![depth];
      let end = at + 1;
      while (part !== undefined && end < to && paths[end]![depth] === part) end++;
      if (part === undefined || end - at < 2) {
        children.push(at);
      } else {
        const inner = within(at, end, depth + 1, part);
        const [only] = inner;
        // A module that holds nothing but another one is named together with it.
        if (inner.length === 1 && typeof only === 'object')
          children.push(only.repeats === undefined ? { ...only, label: `${part} / ${only.label}` } : only);
        else children.push(makeGroup(graph, `${paths[at]!.slice(0, depth + 1).join('/')}@${at}`, part, inner));
      }
      at = end;
    }
    return stackNumbered(graph, stackRepeats(graph, children, shapes), shapes, parent);
  };
  return within(0, graph.nodes.length, 0, '');
}

/** `/encoder/layers.0/self_attn/MatMul` lies in encoder, layers.0, self_attn. */
export function modulePath(name: string): string[] {
  return name.split('/').filter(Boolean).slice(0, -1);
}

function makeGroup(graph: ModelGraph, id: string, label: string, children: readonly (Group | number)[], repeats?: number): Group {
  const first = firstOf(children[0]!);
  const last = lastOf(children.at(-1)!);
  let ops = 0;
  for (let at = first; at <= last; at++) if (graph.nodes[at]!.node) ops++;
  return { id, label, first, last, children, ops, ...(repeats === undefined ? {} : { repeats }) };
}

const firstOf = (child: Group | number): number => (typeof child === 'number' ? child : child.first);
const lastOf = (child: Group | number): number => (typeof child === 'number' ? child : child.last);

const NUMBERED = /^(.*?)[._]?(?<!\d)(\d+)$/;
/** What exporters call the list of layers, which says less than what the list lies in. */
const GENERIC = /^(layers?|blocks?|h|stages?|resblocks|modules?)$/i;

/** `layers.0` in `encoder` is an encoder layer. */
function layerName(base: string, parent: string): string {
  const singular = base.toLowerCase() === 'h' ? 'layer' : base.replace(/s$/i, '');
  const text = GENERIC.test(base) && parent !== '' && !NUMBERED.test(parent) ? `${parent} ${singular}` : singular;
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');
}

/** Neighbouring groups that are numbered and built alike become one stack: "Encoder layer ×2". */
function stackNumbered(graph: ModelGraph, children: readonly (Group | number)[], shapes: Shapes, parent: string): (Group | number)[] {
  const result: (Group | number)[] = [];
  for (let at = 0; at < children.length; ) {
    const child = children[at]!;
    const base = typeof child === 'object' ? NUMBERED.exec(child.label)?.[1] : undefined;
    let end = at + 1;
    if (base && typeof child === 'object' && child.repeats === undefined) {
      const shape = shapes.of(child.first, child.last);
      for (; end < children.length; end++) {
        const next = children[end]!;
        if (typeof next !== 'object' || NUMBERED.exec(next.label)?.[1] !== base || shapes.of(next.first, next.last) !== shape) break;
      }
    }
    if (end - at < 2) result.push(child);
    else result.push(makeGroup(graph, `stack ${(child as Group).id}`, layerName(base!, parent), children.slice(at, end), end - at));
    at = end;
  }
  return result;
}

/** Lists of operators shorter than this are readable as they are. */
const LONG_LIST = 32;
const SHORTEST_BLOCK = 4;
const LONGEST_BLOCK = 512;
const FEWEST_REPEATS = 3;

/** In a long list without names to go by, a sequence of operators that repeats becomes a stack of blocks. */
function stackRepeats(graph: ModelGraph, children: readonly (Group | number)[], shapes: Shapes): readonly (Group | number)[] {
  if (children.length < LONG_LIST || children.some((child) => typeof child === 'object')) return children;
  const ops = children as readonly number[];
  const looks = ops.map((at) => shapes.look(at));
  const result: (Group | number)[] = [];
  for (let at = 0; at < ops.length; ) {
    const block = longestRepeat(looks, at);
    if (!block) {
      result.push(ops[at++]!);
      continue;
    }
    const { period, repeats } = block;
    const blocks = Array.from({ length: repeats }, (_, which) => {
      const start = at + which * period;
      return makeGroup(graph, `block@${ops[start]}`, `Block ${which}`, ops.slice(start, start + period));
    });
    result.push(makeGroup(graph, `blocks@${ops[at]}`, 'Block', blocks, repeats));
    at += period * repeats;
  }
  return result;
}

/** The sequence that starts at `at` and covers most by repeating; the shortest of those that cover the same. */
function longestRepeat(looks: readonly string[], at: number): { period: number; repeats: number } | null {
  let best: { period: number; repeats: number } | null = null;
  const most = Math.min(LONGEST_BLOCK, Math.floor((looks.length - at) / FEWEST_REPEATS));
  for (let period = SHORTEST_BLOCK; period <= most; period++) {
    let same = 0;
    while (at + same + period < looks.length && looks[at + same] === looks[at + same + period]) same++;
    const repeats = Math.floor(same / period) + 1;
    if (repeats < FEWEST_REPEATS) continue;
    if (!best || repeats * period > best.repeats * best.period + best.period) best = { period, repeats };
  }
  return best;
}

/** How far back a reader looks for what it reads; beyond, the distance is not part of a block's shape. */
const NEAR = 64;

/** What runs of operators look like: kinds, output shapes, and which reads which. */
class Shapes {
  readonly #looks: string[];
  readonly #known = new Map<string, number>();
  readonly #nodes: readonly GraphNode[];

  constructor(graph: ModelGraph) {
    this.#nodes = graph.nodes;
    const reads: number[][] = graph.nodes.map(() => []);
    for (const { from, to } of graph.edges) if (to - from <= NEAR) reads[to]!.push(to - from);
    this.#looks = graph.nodes.map((node, at) => `${node.title} ${node.subtitle} ${reads[at]!.sort((a, b) => a - b).join()}`);
  }

  look(at: number): string {
    return this.#looks[at]!;
  }

  /** A number that runs have in common when they consist of the same operators with the same output shapes. */
  of(first: number, last: number): number {
    const key = this.#nodes
      .slice(first, last + 1)
      .map((node) => `${node.title} ${node.subtitle}`)
      .join('|');
    const known = this.#known.get(key) ?? this.#known.size;
    this.#known.set(key, known);
    return known;
  }
}
