import type { Model, Node } from '../onnx/model.ts';
import { backward, forward, hasRule, type IndexMap, indexMap, type Values } from './index-maps.ts';
import { type Range, united } from './ranges.ts';

/** Elements of one tensor that belong to a selected one. */
export interface RelatedElements {
  readonly tensor: string;
  readonly ranges: readonly Range[];
  /** Whether the selected element depends on these, or these on it. */
  readonly direction: 'from' | 'to';
  /** False where the set was rounded up: there is no rule for an operator on the way, or it has too many pieces. */
  readonly exact: boolean;
  /** One operator away. */
  readonly direct: boolean;
}

/** Contents that are known for an event, by value name: the tokens of a packet. */
export type KnownContents = ReadonlyMap<string, ArrayLike<number | bigint>>;

const mapsByModel = new WeakMap<Model, Map<string, IndexMap | null>>();

/** The graph as rules of index maps ask about it. */
class Graph implements Values {
  readonly model: Model;
  readonly opset: number;
  readonly #known: KnownContents;
  /** Maps that follow from the model alone, kept for as long as it lives, and those that follow from the event. */
  readonly #maps: Map<string, IndexMap | null>;
  readonly #own = new Map<string, IndexMap | null>();

  constructor(model: Model, known: KnownContents) {
    this.model = model;
    this.opset = model.opset;
    this.#known = withCopies(model, known);
    let maps = mapsByModel.get(model);
    if (!maps) {
      maps = new Map();
      mapsByModel.set(model, maps);
    }
    this.#maps = maps;
  }

  dims(name: string): readonly number[] | null {
    return this.model.values.get(name)?.dims ?? this.model.initializers.get(name)?.dims ?? null;
  }

  contents(name: string): ArrayLike<number | bigint> | null {
    return this.#known.get(name) ?? (this.model.initializers.get(name)?.data as ArrayLike<number> | undefined) ?? null;
  }

  map(node: Node, input: number, output: number): IndexMap | null {
    const key = `${node.index} ${input} ${output}`;
    const maps = node.inputs.some((name) => this.#known.has(name)) ? this.#own : this.#maps;
    let map = maps.get(key);
    if (map === undefined) {
      map = indexMap(node, input, output, this);
      maps.set(key, map);
    }
    return map;
  }

  count(name: string): number {
    return this.dims(name)?.reduce((n, dim) => n * dim, 1) ?? 0;
  }
}

const COPIES = new Set(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** Known contents also stand in what only gives them another shape or type. */
function withCopies(model: Model, known: KnownContents): KnownContents {
  const all = new Map(known);
  if (known.size === 0) return all;
  for (const node of model.nodes) {
    const contents = COPIES.has(node.op) ? all.get(node.inputs[0] ?? '') : undefined;
    if (contents) all.set(node.outputs[0]!, contents);
  }
  return all;
}

interface Found {
  ranges: readonly Range[];
  exact: boolean;
  direct: boolean;
}

/**
 * Elements of all tensors that `ranges` of `tensor` depend on, weights and inputs included, and those that depend on them. Nodes
 * stand in an order in which values are made before they are read, so one walk in each direction is enough.
 */
export function relatedElements(
  model: Model,
  tensor: string,
  ranges: readonly Range[],
  known: KnownContents = new Map(),
): RelatedElements[] {
  const graph = new Graph(model, known);
  const from = walk(graph, tensor, ranges, 'from');
  const to = walk(graph, tensor, ranges, 'to');
  return [
    ...[...from].map(([name, found]): RelatedElements => ({ tensor: name, direction: 'from', ...found })),
    ...[...to].map(([name, found]): RelatedElements => ({ tensor: name, direction: 'to', ...found })),
  ];
}

function walk(graph: Graph, tensor: string, ranges: readonly Range[], direction: 'from' | 'to'): Map<string, Found> {
  const found = new Map<string, Found>([[tensor, { ranges, exact: true, direct: false }]]);
  const nodes = direction === 'from' ? [...graph.model.nodes].reverse() : graph.model.nodes;
  for (const node of nodes) {
    for (let output = 0; output < node.outputs.length; output++) {
      for (let input = 0; input < node.inputs.length; input++) {
        const [source, target] =
          direction === 'from' ? [node.outputs[output]!, node.inputs[input]!] : [node.inputs[input]!, node.outputs[output]!];
        const present = source ? found.get(source) : undefined;
        if (!present || !target || target === tensor) continue;
        const map = graph.map(node, input, output);
        // Inputs of a known operator without a map hold shapes and axes; an unknown operator may use everything.
        if (!map && hasRule(node.op)) continue;
        const moved = map
          ? (direction === 'from' ? backward : forward)(map, present.ranges)
          : { ranges: [[0, graph.count(target)]] as const, exact: false };
        if (moved.ranges.length === 0) continue;
        const before = found.get(target);
        found.set(target, {
          ranges: before ? united([...before.ranges, ...moved.ranges]) : moved.ranges,
          exact: present.exact && moved.exact && (before?.exact ?? true),
          direct: source === tensor || (before?.direct ?? false),
        });
      }
    }
  }
  found.delete(tensor);
  return found;
}
